package memory

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestRoom(t *testing.T) {
	for _, bytes := range []int64{0, Smallest - 1, Smallest, 64 << 20} {
		if err := Room("a test", bytes); err != nil {
			t.Errorf("%d bytes: %v", bytes, err)
		}
	}
	var r *Refused
	if err := Room("a test", 1<<46); runtime.GOOS == "linux" && (!errors.As(err, &r) || r.Has == 0 ||
		!strings.HasPrefix(err.Error(), "a test takes 65536.0 GiB of memory, and the machine has ")) {
		t.Errorf("64 TiB: %v", err)
	}
}

// TestLimit runs itself under ulimit -v.
func TestLimit(t *testing.T) {
	if os.Getenv("MEMORY_TEST_LIMITED") != "" {
		var r *Refused
		if err := Room("a test", 2<<30); !errors.As(err, &r) || r.Has != 0 || !strings.Contains(err.Error(), "2.0 GiB of memory, which the system refuses") {
			t.Errorf("2 GiB: %v", err)
		}
		if err := Room("a test", 64<<20); err != nil {
			t.Errorf("64 MiB: %v", err)
		}
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("limits of memory are tried on Linux only")
	}
	cmd := exec.Command("sh", "-c", `ulimit -v 2000000 && exec "$0" -test.run 'TestLimit$' -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), "MEMORY_TEST_LIMITED=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestLimit") {
		t.Errorf("under a limit: %v\n%s", err, out)
	}
}
