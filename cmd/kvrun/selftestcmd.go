package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
	shipped "github.com/kvgen/kvgen/kernels/spec"
	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/selftest"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// selftestKind are the files of kvrun selftest.
var selftestKind = output.NewKind("a report of kvrun selftest", func(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	return strings.Contains(string(head[:n]), `"format": "kvrun selftest `)
})

// selftestCommand finds out what works on this machine.
func selftestCommand(e *environment, args []string) error {
	var m modelFlags
	var out string
	var whole, noBench, force bool
	fs := newFlags("selftest")
	fs.StringVarP(&out, "out", "o", "kvrun-selftest.json", "`file` to write and to send; - is the standard output")
	fs.BoolVar(&whole, "full", false, "every shape and input of the conformance suite, which takes ten times as long")
	fs.BoolVar(&noBench, "no-bench", false, "measure no speeds")
	fs.IntVarP(&m.threads, "threads", "t", 0, "`number` of threads of the embedded model (default: one per core, on Macs per performance core)")
	fs.StringVar(&m.isa, "isa", "", "instruction `set` that is measured (default: KVRUN_ISA, else the best); all are tested")
	fs.StringVar(&m.device, "device", "", fmt.Sprintf("`what` is tested: cpu, or a GPU and the processor that it is held to, %s or %s:NUMBER (default: cpu)", driverNames(", "), drivers.All()[0].Name))
	m.addSettings(fs)
	from := fs.Int("from", -1, "the first `step`, of a process that runs the test for another")
	fs.Lookup("from").Hidden = true
	forceFlag(fs, &force)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "[flags]", args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q: selftest takes no model: it has one of its own", fs.Arg(0))
	}
	if m.math, m.flash, m.tokenizer = "fast", "on", tokenizer.Own.String(); m.device == "" {
		m.device = "cpu"
	}
	if err := m.checkCompute(e); err != nil {
		return err
	}
	o, err := selftestOptions(e, &m)
	if err != nil {
		return err
	}
	o.Whole, o.Bench = whole, !noBench
	if *from >= 0 {
		return selftest.Serve(e.ctx, o, *from, e.stdout)
	}
	file, err := e.files.Create(output.Request{Flag: "--out", Path: out, Kind: selftestKind, Force: force})
	if err != nil {
		return err
	}
	defer file.Close()
	r := runSelftest(e, o, args)
	failed := file.Fill(func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	})
	if !file.IsStdout() {
		if err := sayReport(e, r, out, m.json); err != nil {
			return errors.Join(failed, err)
		}
	}
	switch {
	case failed != nil:
		return failed
	case e.ctx.Err() != nil:
		return interrupted{fmt.Sprintf("%d steps were not run", r.NotRun)}
	case !r.OK:
		return refuse("%d of %d checks are wrong on this machine: please send the file", r.Failed, r.Passed+r.Failed)
	}
	return nil
}

// sayReport prints the summary, or all of it as JSON.
func sayReport(e *environment, r *selftest.Report, out string, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, r)
	}
	if err := r.Print(e.stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "wrote %s: attach it to a report; it names the machine's parts, and no person, host or path\n", out)
	return err
}

// runSelftest runs the test and shows how far it is. The test has a process of its own, which a
// kernel may bring down.
func runSelftest(e *environment, o selftest.Options, args []string) *selftest.Report {
	var finish func()
	var next func()
	o.Step = func(name string, steps int) {
		if next == nil {
			way := e.pace("selftest", steps, "a kernel", "", "keeps what was found by then")
			next, finish = func() { way.Next("") }, way.Finish
			return
		}
		next()
	}
	var r *selftest.Report
	if e.self == "" {
		r = selftest.Run(e.ctx, o)
	} else {
		e.devices.close()
		r = selftest.Supervise(e.ctx, o, func(first int) *exec.Cmd {
			return exec.CommandContext(e.ctx, e.self, slices.Concat([]string{"selftest"}, args, []string{fmt.Sprintf("--from=%d", first)})...)
		})
	}
	if finish != nil {
		finish()
	}
	r.Program = strings.TrimSpace("kvrun " + version.Short())
	return r
}

// selftestOptions says what is tested, and by what it is judged.
func selftestOptions(e *environment, m *modelFlags) (o selftest.Options, err error) {
	set, err := spec.Load(shipped.Files)
	if err != nil {
		return o, err
	}
	types, transforms := map[string]*spec.Type{}, map[string]*spec.Transform{}
	for _, t := range set.Types {
		types[t.Name] = t
	}
	for _, t := range set.Transforms {
		transforms[t.Name] = t
	}
	o.Table, o.Threads = e.kernels(), m.threads
	o.Oracles = func(t *kernels.Type) (all []conform.Oracle, rounded bool) {
		declared := types[t.Name]
		all = append(all, conform.Oracle{Name: "interpreter", Format: interp.Format(declared)})
		if byHand, ok := ref.ByName(t.Name); ok {
			all = append(all, conform.Oracle{Name: "format by hand", Format: byHand})
		}
		return all, declared.Codebook != nil && !declared.Codebook.Int8
	}
	o.Transform = func(t *kernels.Transform) kernels.TransformImpl {
		declared := transforms[t.Name]
		return kernels.TransformImpl{ISA: "interpreter", Forward: func(x []float32) { interp.Forward(declared, x) }, Inverse: func(x []float32) { interp.Inverse(declared, x) }}
	}
	switch {
	case len(m.backends) > 1:
		return o, fmt.Errorf("--device %s: one GPU is tested at a time", m.device)
	case len(m.backends) == 1:
		b := m.backends[0]
		o.GPU, err = selftest.NewGPU(b.Backend, b.driver.Name, b.driver.Generation)
	}
	return o, err
}
