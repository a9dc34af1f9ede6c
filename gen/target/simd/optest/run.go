package optest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"
	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// Selection assembles every form for every instruction set: an operation has a selection, or the
// machine says that it lacks it. It runs on any host.
func Selection(m *simd.Machine) (found []string) {
	forms := Forms()
	found = untested(ir.Ops(), forms)
	for k := range m.ISAs {
		isa := &m.ISAs[k]
		for _, f := range forms {
			fn := f.Build("alone")
			if err := ir.Verify(fn); err != nil {
				return []string{err.Error()}
			}
			_, err := m.Alone(isa, fn)
			why, lacks := m.Lacks[f.Op]
			switch {
			case err != nil && !lacks:
				found = append(found, fmt.Sprintf("%s: %s: neither selected nor said to be lacking: %v", isa.Name, f.Op, err))
			case err == nil && lacks:
				found = append(found, fmt.Sprintf("%s: %s: selected, and said to be lacking: %s", isa.Name, f.Op, why))
			case err != nil && !strings.Contains(err.Error(), m.Name+" has no operation "+f.Op.Name):
				found = append(found, fmt.Sprintf("%s: %s: the error names neither machine nor operation: %v", isa.Name, f.Op, err))
			}
		}
	}
	return slices.Compact(found)
}

// untested names the operations that have no form.
func untested(ops []ir.Op, forms []Form) (found []string) {
	for _, op := range ops {
		if !slices.ContainsFunc(forms, func(f Form) bool { return f.Op == op }) {
			found = append(found, op.Name+": no form of it is tested")
		}
	}
	return found
}

// Missing is why functions of an instruction set cannot run here, "" where they can. under is the
// command of an emulator, with arguments, for hosts that are another machine.
func Missing(m *simd.Machine, isa *simd.ISA, under ...string) string {
	if m.Name != runtime.GOARCH {
		if len(under) == 0 {
			return fmt.Sprintf("instructions of %s do not run on %s", m.Name, runtime.GOARCH)
		}
		if _, err := exec.LookPath(under[0]); err != nil {
			return fmt.Sprintf("instructions of %s do not run on %s, and there is no emulator: %v", m.Name, runtime.GOARCH, err)
		}
		return ""
	}
	for _, name := range isa.Needs {
		if !cpuid.CPU.Supports(cpuid.ParseFeature(name)) {
			return "this processor lacks " + name
		}
	}
	return ""
}

// Run assembles every form alone for one instruction set, runs it on this machine, or under an
// emulator where this is another, and compares with Eval. What it finds begins with the name of the
// operation.
func Run(t *testing.T, m *simd.Machine, isa *simd.ISA, under ...string) (found []string) {
	t.Helper()
	var run []sample
	var text, stubs, table strings.Builder
	r := rand.New(rand.NewPCG(3, 4))
	for k, f := range Forms() {
		fn := f.Build(fmt.Sprintf("form%d", k))
		alone, err := m.Alone(isa, fn)
		if _, lacks := m.Lacks[f.Op]; lacks {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(alone + "\n")
		fmt.Fprintf(&stubs, "func %s(p *byte)\n", fn.Name)
		fmt.Fprintf(&table, "\t%s,\n", fn.Name)
		for range 4 {
			s := sample{form: f, fn: fn}
			s.draw(t, r)
			run = append(run, s)
		}
	}
	var memory bytes.Buffer
	for _, s := range run {
		memory.Write(s.before)
	}
	if m.Name == runtime.GOARCH {
		under = nil
	}
	after := execute(t, m.Name, under, text.String(), stubs.String(), table.String(), memory.Bytes())
	for k, s := range run {
		if why := s.differs(after[k*size:][:size]); why != "" {
			found = append(found, fmt.Sprintf("%v: %s: %s\n%v", s.form.Op, isa.Name, why, s.fn))
		}
	}
	return found
}

// execute builds a program of the functions and runs each 4 times, on one block of memory a run.
func execute(t *testing.T, arch string, under []string, text, stubs, table string, memory []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":     "module ops\n\ngo 1.24\n",
		"ops.s":      "#include \"textflag.h\"\n\n" + text,
		"stubs.go":   "package main\n\n" + stubs,
		"main.go":    fmt.Sprintf(program, table, size),
		"memory.bin": string(memory),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"go", "build", "-o", "ops.exe", "."}, append(under, filepath.Join(dir, "ops.exe"))} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, "memory.bin"))
	if err != nil || len(after) != len(memory) {
		t.Fatalf("%d bytes of %d: %v", len(after), len(memory), err)
	}
	return after
}

// program runs the functions on the blocks of a file. A block lies where Eval says that it does: 8
// bytes after a multiple of 64.
const program = `package main

import (
	"os"
	"unsafe"
)

var functions = []func(p *byte){
%s}

func main() {
	const size = %d
	all, err := os.ReadFile("memory.bin")
	if err != nil {
		panic(err)
	}
	room := make([]byte, size+128)
	at := 8 + (64-int(uintptr(unsafe.Pointer(&room[0])))%%64)%%64
	for k := range len(all) / size {
		block := room[at:][:size]
		copy(block, all[k*size:])
		functions[k/4](&block[0])
		copy(all[k*size:], block)
	}
	if err := os.WriteFile("memory.bin", all, 0o666); err != nil {
		panic(err)
	}
}
`
