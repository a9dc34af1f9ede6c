//go:build peers

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A suite is a program that may notice a fault, as .ci/run runs it: the tests of one package, or a
// command.
type suite struct {
	Name    string // as a person would say it
	Folder  string // where it runs, from the root of the clone
	Program string // the whole name of the file
	Args    []string
	Env     []string
	Tests   []test // in the order in which they ran; of a command there is one, without a name
}

// A test is one test of a suite.
type test struct {
	Name    string
	Seconds float64 // without a fault
	Reaches []int   // the functions that ran while it did
	Fails   bool    // without a fault, so it shows nothing
}

// A step is a part of .ci/run: what it builds and with which environment it runs.
type step struct {
	name     string
	tags     string
	packages []string // none: those that the command line says
	env      []string
}

// steps are those whose programs this machine can make. Those left out run the same tests for other
// processors, under a detector or with random inputs.
var steps = []step{
	{name: "tests"},
	{name: "generic", packages: []string{"./kernels", "./runtime/attention", "./runtime/model"}, env: []string{"KVRUN_ISA=generic"}},
	{name: "emulated", tags: "emulate", packages: []string{"./runtime/gpu/..."}},
}

// build makes the programs of a step, in the folder bin of the work.
func (w *work) build(ctx context.Context, s step) (suites []suite, err error) {
	packages := s.packages
	if packages == nil {
		packages = w.packages
	}
	// Of each package the program of its tests, with all that goes into it.
	list := append([]string{"list", "-test", "-tags=" + s.tags, "-f", "{{.ImportPath}}\t{{.Dir}}\t{{join .Deps \" \"}}"}, packages...)
	out, err := w.command(ctx, "go", list...).Output()
	if err != nil {
		return nil, failed(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		path, isTest := strings.CutSuffix(fields[0], ".test")
		if !isTest || !w.sees(strings.Fields(fields[2])) {
			continue
		}
		folder, err := filepath.Rel(w.clone(), fields[1])
		if err != nil {
			return nil, err
		}
		program := filepath.Join(w.dir, "bin", s.name, strings.ReplaceAll(path, "/", "-")+".test")
		if out, err := w.command(ctx, "go", "test", "-c", "-vet=off", "-tags="+s.tags, "-o", program, path).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", path, err, out)
		}
		name := "./" + filepath.ToSlash(folder)
		if s.name != "tests" {
			name += " (" + s.name + ")"
		}
		suites = append(suites, suite{Name: name, Folder: folder, Program: program, Env: s.env})
	}
	return suites, nil
}

// sees reports whether one of these packages has a fault.
func (w *work) sees(packages []string) bool {
	return slices.ContainsFunc(packages, func(path string) bool {
		return slices.ContainsFunc(w.faulty, func(folder string) bool { return strings.HasSuffix(path, "/"+folder) })
	})
}

// buildCheck makes the suite that compares what the compiler writes with what is committed. A
// module without kvgen has none.
func (w *work) buildCheck(ctx context.Context) ([]suite, error) {
	if _, err := os.Stat(filepath.Join(w.clone(), "cmd", "kvgen")); err != nil {
		return nil, nil
	}
	program := filepath.Join(w.dir, "bin", "kvgen")
	if out, err := w.command(ctx, "go", "build", "-o", program, "./cmd/kvgen").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cmd/kvgen: %w: %s", err, out)
	}
	return []suite{{Name: "kvgen check", Folder: ".", Program: program, Args: []string{"check"}}}, nil
}

// command is a program at the root of the clone that go commands build variants for.
func (w *work) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.clone()
	cmd.Env = w.env()
	cmd.WaitDelay = 10 * time.Second
	group(cmd)
	return cmd
}

func (w *work) env() []string {
	return append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+filepath.Join(w.dir, "variants", "overlay.json"), "GOWORK=off")
}

// start makes a command of a suite, or of some of its tests.
func (w *work) start(ctx context.Context, s suite, tests []test, args ...string) *exec.Cmd {
	args = append(args, s.Args...)
	if s.Args == nil {
		args = append(args, "-test.paniconexit0", "-test.timeout=0")
	}
	if tests != nil && s.Args == nil {
		var names []string
		for _, t := range tests {
			names = append(names, t.Name)
		}
		args = append(args, "-test.failfast", "-test.run=^("+strings.Join(names, "|")+")$")
	}
	cmd := bounded(w.command(ctx, s.Program, args...))
	cmd.Dir = filepath.Join(w.clone(), s.Folder)
	cmd.Env = append(cmd.Env, s.Env...)
	return cmd
}

// An outcome is what became of some tests with a fault.
type outcome struct {
	noticed bool
	slow    bool   // they did not end
	first   string // the test that failed, where it says so
}

var failLine = regexp.MustCompile(`(?m)^\s*--- FAIL: ([A-Z][A-Za-z0-9_]*)`)

// meet runs tests of a suite in processes that have a fault.
func (w *work) meet(ctx context.Context, s suite, tests []test, fault int, limit time.Duration) (o outcome, err error) {
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := w.start(inner, s, tests)
	cmd.Env = append(cmd.Env, faultVariable+"="+strconv.Itoa(fault))
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	o.slow = inner.Err() != nil
	if exit := (*exec.ExitError)(nil); err != nil && !o.slow && !errors.As(err, &exit) {
		return o, fmt.Errorf("%s: %w", s.Name, err)
	}
	o.noticed = err != nil
	if found := failLine.FindSubmatch(out.Bytes()); found != nil {
		o.first = string(found[1])
	}
	return o, nil
}

// A tail keeps the end of what is written.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if t.Len() > 1<<20 {
		keep := bytes.Clone(t.Bytes()[t.Len()-1<<19:])
		t.Reset()
		t.Buffer.Write(keep)
	}
	return t.Buffer.Write(p)
}

// failed adds what a command said to its exit status.
func failed(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}
