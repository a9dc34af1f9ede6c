package selftest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// ending are options with a decoder that ends the process, as a crash does.
func ending(t *testing.T) Options {
	return planted(t, func(k *kernels.Impl) {
		k.Decode = func([]float32, []byte) {
			fmt.Fprintf(os.Stderr, "illegal instruction of /some/where/else\n\ngoroutine 1 [running]:\nmuch")
			os.Exit(77)
		}
	})
}

// TestProcess is the process that TestSupervise starts.
func TestProcess(t *testing.T) {
	first, err := strconv.Atoi(os.Getenv("KVRUN_SELFTEST_FROM"))
	if err != nil {
		t.Skip("it is a process that TestSupervise starts")
	}
	if err := Serve(context.Background(), ending(t), first, os.NewFile(3, "events")); err != nil {
		t.Fatal(err)
	}
}

// TestSupervise has a kernel end its process. That kernel has failed, and all others are tested.
func TestSupervise(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	var starts []int
	var steps []string
	o := ending(t)
	o.Step = func(name string, n int) { steps = append(steps, name) }
	r := Supervise(context.Background(), o, func(first int) *exec.Cmd {
		starts = append(starts, first)
		// events come by the standard output, where a test says other things
		cmd := exec.Command("sh", "-c", `exec "$0" -test.run '^TestProcess$' 3>&1 >/dev/null`, os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("KVRUN_SELFTEST_FROM=%d", first))
		return cmd
	})
	c := find(t, r, "decode", "planted")
	if c.Verdict != Broken || c.Error != "it ended the process: exit status 77\nillegal instruction of else" {
		t.Errorf("the crash is %+v", c)
	}
	if r.OK || r.Failed != 1 || r.Passed != 9 || r.NotRun != 0 || len(steps) != 10 || len(starts) != 2 {
		t.Errorf("%d right, %d wrong, %d not run, processes from %v, steps %q", r.Passed, r.Failed, r.NotRun, starts, steps)
	}
	if !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Kind == "decode" && c.Verdict == Good }) {
		t.Error("the other decoder was not tested")
	}
}

// TestNoProcess cannot start any, or one that says nothing of use.
func TestNoProcess(t *testing.T) {
	for _, program := range []string{"/none/of/them", os.Args[0]} {
		r := Supervise(context.Background(), planted(t, func(*kernels.Impl) {}), func(first int) *exec.Cmd {
			return exec.Command(program, "-test.run", "^$")
		})
		if r.OK || r.Failed != 1 || r.NotRun != 9 || !strings.HasPrefix(r.Checks[0].Error, "no process can be started for it") {
			t.Errorf("%s: %+v", program, r)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r := Supervise(ctx, planted(t, func(*kernels.Impl) {}), nil); r.NotRun != 10 || len(r.Checks) != 0 {
		t.Errorf("interrupted: %+v", r)
	}
	if err := Serve(ctx, planted(t, func(*kernels.Impl) {}), 0, io.Discard); err == nil {
		t.Error("an interrupted process ends as if it was done")
	}
}

// TestNoCompiler tells what cannot be compiled here from what is wrong.
func TestNoCompiler(t *testing.T) {
	c := Check{}
	if c.judge(fmt.Errorf("the kernel x: %w", gpu.NoCompiler("nothing in /usr/lib/here compiles"))); c.Verdict != Skipped || c.Error != "the kernel x: nothing in here compiles" {
		t.Errorf("%+v", c)
	}
}
