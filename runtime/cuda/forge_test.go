package cuda

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/gpu"
)

var (
	compilerFile = flag.String("compiler", "", "an NVRTC library: compile kernels with it")
	everyNth     = flag.Int("every", 1, "compile one of so many, spread over types, heads and architectures")
	everyPair    = flag.Bool("combinations", false, "compile attention of every pair of types too, twice the work of the rest")
	compileShare = flag.String("share", "1/1", "compile share I of N, given as I/N from 1/N on; all shares together are everything, each once")
	workers      = flag.Int("workers", runtime.NumCPU(), "processes that compile, each one program at a time")
)

// forge compiles many programs for many architectures and keeps account of what came out.
type forge struct {
	*Compiler
	part, parts int
	count       int
	spent       float64 // seconds of all workers
	entries     []assembled
}

// program is a source, which is compiled for every architecture; form tells it from others of its
// name.
type program struct {
	*gpu.Source
	form string
}

// assembled is what the assembler says of one kernel.
type assembled struct {
	Name                     string
	Registers, Stack, Spills int // bytes but for registers; spills are stores
}

// outcome is what a worker says of a program.
type outcome struct {
	Item    int
	Error   string
	Seconds float64
	Entries []assembled
	PTX     []byte // of an item that keeps it
}

// newForge skips the test where no compiler is named.
func newForge(t *testing.T) *forge {
	t.Helper()
	if *compilerFile == "" {
		t.Skip("nothing is compiled: name NVRTC with -args -compiler FILE")
	}
	f := &forge{Compiler: &Compiler{Files: []string{*compilerFile}}}
	if n, err := fmt.Sscanf(*compileShare, "%d/%d", &f.part, &f.parts); err != nil || n != 2 || f.part < 1 || f.part > f.parts {
		t.Fatalf("-share %s: want I/N with I from 1 to N", *compileShare)
	}
	if err := f.start(openLibrary); err != nil {
		t.Fatal(err)
	}
	return f
}

// item is a program for one architecture.
type item struct {
	program
	arch  int
	ptx   bool // and not machine code
	quick bool // hardly optimised, which takes a fifth of the time
	keep  bool // its PTX is in the outcome
}

func (i item) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s%d", i.Name, i.form, map[bool]string{true: "compute_", false: "sm_"}[i.ptx], i.arch)), " ")
}

// everywhere is the programs for all architectures, as machine code.
func everywhere(all []program) (items []item) {
	for _, p := range all {
		for _, arch := range architectures {
			items = append(items, item{program: p, arch: arch})
		}
	}
	return items
}

// compile compiles this share of the items, or what -every leaves of it, spread over everything.
func (f *forge) compile(t *testing.T, all []item) {
	t.Helper()
	var todo []item
	for n, i := range all {
		if n%*everyNth == *everyNth-1 && n / *everyNth % f.parts == f.part-1 {
			todo = append(todo, i)
		}
	}
	if working(t, f, todo) {
		return
	}
	start := time.Now()
	f.employ(t, todo, func(o outcome) { f.entries = append(f.entries, o.Entries...) })
	fmt.Printf("%s: %d of %d programs compiled, %d kernels to machine code, in %.0f s: %.0f s of %d workers\n", t.Name(), f.count, len(all), len(f.entries), time.Since(start).Seconds(), f.spent, *workers)
	f.report()
}

// workerVariable is set in the environment of a worker: a process of this test, since NVRTC
// compiles one program at a time in a process, whatever the threads. It reads numbers of items and
// writes outcomes as lines of JSON after outcomePrefix.
const workerVariable, outcomePrefix = "KVGEN_FORGE_WORKER", "outcome "

// working does the work of a worker, if this process is one.
func working(t *testing.T, f *forge, todo []item) bool {
	if os.Getenv(workerVariable) == "" {
		return false
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		n, err := strconv.Atoi(in.Text())
		if err != nil || n < 0 || n >= len(todo) {
			t.Fatalf("no item %q among %d", in.Text(), len(todo))
		}
		line, err := json.Marshal(f.one(n, todo[n]))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s%s\n", outcomePrefix, line)
	}
	return true
}

// employ has workers compile the items and gives take what came out of each, in no order.
func (f *forge) employ(t *testing.T, todo []item, take func(outcome)) {
	t.Helper()
	numbers, outcomes := make(chan int), make(chan outcome)
	var group sync.WaitGroup
	for range max(1, min(*workers, len(todo))) {
		group.Go(func() {
			if err := hire(t.Name(), numbers, outcomes); err != nil {
				t.Error(err)
			}
			for n := range numbers { // left over by a worker that failed
				outcomes <- outcome{Item: n, Error: "the worker ended"}
			}
		})
	}
	go func() {
		for n := range todo {
			numbers <- n
		}
		close(numbers)
		group.Wait()
		close(outcomes)
	}()
	for o := range outcomes {
		f.count++
		f.spent += o.Seconds
		take(o)
		if o.Error != "" {
			t.Errorf("%v: %s", todo[o.Item], o.Error)
		}
	}
	if f.count != len(todo) {
		t.Errorf("%d of %d programs have an outcome", f.count, len(todo))
	}
}

// hire runs one worker, which takes numbers until there are no more.
func hire(test string, numbers <-chan int, outcomes chan<- outcome) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, append(slices.Clone(os.Args[1:]), "-test.run=^"+test+"$", "-test.count=1")...)
	c.Env, c.Stderr = append(os.Environ(), workerVariable+"=1"), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for n := range numbers {
		fmt.Fprintln(in, n)
		o := outcome{Item: n, Error: "the worker ended"}
		for lines.Scan() {
			if line, ok := strings.CutPrefix(lines.Text(), outcomePrefix); ok {
				if err := json.Unmarshal([]byte(line), &o); err != nil {
					o.Error = err.Error()
				}
				break
			}
		}
		outcomes <- o
	}
	in.Close()
	io.Copy(io.Discard, out)
	return c.Wait()
}

// one compiles an item.
func (f *forge) one(n int, i item) outcome {
	target, more := fmt.Sprintf("--gpu-architecture=sm_%d", i.arch), []string(nil)
	if i.ptx {
		target = fmt.Sprintf("--gpu-architecture=compute_%d", i.arch)
	} else {
		more = append(more, "--ptxas-options=-v")
	}
	if i.quick {
		more = append(more, "--Ofast-compile=max")
	}
	start, o := time.Now(), outcome{Item: n}
	image, err := f.Compiler.compile(i.Source, i.ptx, target, more...)
	if err != nil {
		o.Error = err.Error()
		return o
	}
	o.Seconds, o.Entries = time.Since(start).Seconds(), entriesOf(image.Log, i.String())
	if i.keep {
		o.PTX = image.Code
	}
	return o
}

var (
	entryLine    = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	registerLine = regexp.MustCompile(`Used (\d+) registers`)
	spillLine    = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores`)
)

// entriesOf reads what the assembler's -v writes.
func entriesOf(log, of string) (all []assembled) {
	for line := range strings.Lines(log) {
		if m := entryLine.FindStringSubmatch(line); m != nil {
			all = append(all, assembled{Name: of + " " + m[1]})
		}
		if len(all) == 0 {
			continue
		}
		e := &all[len(all)-1]
		if m := registerLine.FindStringSubmatch(line); m != nil {
			e.Registers, _ = strconv.Atoi(m[1])
		}
		if m := spillLine.FindStringSubmatch(line); m != nil {
			e.Stack, _ = strconv.Atoi(m[1])
			e.Spills, _ = strconv.Atoi(m[2])
		}
	}
	return all
}

// report prints the kernels that spill most and those with most registers.
func (f *forge) report() {
	if len(f.entries) == 0 {
		return
	}
	spilling, most := 0, 0
	for _, e := range f.entries {
		most = max(most, e.Registers)
		if e.Spills > 0 {
			spilling++
		}
	}
	fmt.Printf("most registers of a thread: %d; %d kernels spill\n", most, spilling)
	slices.SortFunc(f.entries, func(a, b assembled) int {
		return cmp.Or(b.Spills-a.Spills, b.Registers-a.Registers, strings.Compare(a.Name, b.Name))
	})
	for _, e := range f.entries[:min(10, len(f.entries))] {
		fmt.Printf("  %-60s %3d registers, %4d bytes of stack, %4d of stores that spill\n", e.Name, e.Registers, e.Stack, e.Spills)
	}
}
