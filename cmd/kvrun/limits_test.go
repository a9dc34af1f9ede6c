package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLimits runs the program with few file descriptors and little address space. It must say so in
// one line, and end with 2.
func TestLimits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("limits of a process are tried on Linux only")
	}
	program := filepath.Join(t.TempDir(), "kvrun")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	model := "../../testdata/arch/llama_hd64/model.gguf"
	for _, c := range []struct{ limit, args, want string }{
		{"-n 6", "run " + model + " -p a -n 1", "file descriptors are left and 8 are needed"},
		{"-n 7", "info " + model, "file descriptors are left and 8 are needed"},
		{"-v 8000000", "bench " + model + " -d 16777216 -p 1 -n 1", "a cache of 16777217 positions takes 16.0 GiB of memory"},
		// Go itself reserves 1.9 GB of addresses, 64 MiB more or less from run to run.
		{"-v 2500000", "run " + model + " -p a -n 1 -c 2000000", "a cache of 2000000 positions takes 1.9 GiB of memory, which the system refuses"},
		{"-v 2500000", "run " + model + " -p a -n 1", ""},
	} {
		cmd := exec.Command("sh", "-c", "ulimit "+c.limit+" && exec \"$0\" "+c.args, program)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
		out, err := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if c.want == "" {
			if err != nil {
				t.Errorf("ulimit %s, %s: %v\n%.500s", c.limit, c.args, err, out)
			}
			continue
		}
		if code != 2 || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "goroutine ") {
			t.Errorf("ulimit %s, %s: exit code %d\n%.500s", c.limit, c.args, code, out)
		}
	}
}
