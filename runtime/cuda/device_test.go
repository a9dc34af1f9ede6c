package cuda

import (
	"errors"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// TestOpenFails gives each way in which there is no GPU, and what the message must name.
func TestOpenFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(fake, *gpuState)
		want  []string
	}{
		{"symbol missing", func(f fake, s *gpuState) { delete(f.symbols, "cuGraphLaunch"); delete(f.symbols, "cuMemAlloc_v2") }, []string{"libfake.so", "cuMemAlloc_v2, cuGraphLaunch", "too old"}},
		{"no device", func(f fake, s *gpuState) { s.devices = 0 }, []string{"there is no GPU 0", "libfake.so finds 0"}},
		{"driver and kernel module differ", func(f fake, s *gpuState) { s.fail["cuInit"] = 803 }, []string{"libfake.so", "CUDA_ERROR_803", "text of 803"}},
		{"old GPU", func(f fake, s *gpuState) { s.arch = 61 }, []string{"Fake GPU", "6.1", "need 7.5"}},
		{"no context", func(f fake, s *gpuState) { s.fail["cuDevicePrimaryCtxRetain"] = 2 }, []string{"making a context on Fake GPU", "too little free memory"}},
		{"ECC", func(f fake, s *gpuState) { s.fail["cuStreamCreate"] = 214 }, []string{"Fake GPU", "ECC", "reset"}},
	} {
		lib, state := fakeDriver()
		c.spoil(lib, state)
		_, err := OpenWith(lib, 0)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q says nothing of %q", c.name, err, w)
			}
		}
	}
}

func TestNoDriver(t *testing.T) {
	_, err := openFirst(openLibrary, []string{"libkvrun-has-no-such-driver.so.1"})
	if err == nil || !strings.Contains(err.Error(), "libkvrun-has-no-such-driver.so.1 cannot be loaded: ") ||
		strings.Count(err.Error(), "no-such-driver") != 1 {
		t.Errorf("%v", err)
	}
}

func opened(t *testing.T) (*Device, *gpuState) {
	t.Helper()
	lib, state := fakeDriver()
	d, err := OpenWith(lib, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d, state
}

func TestMemory(t *testing.T) {
	d, state := opened(t)
	if d.Name != "Fake GPU" || d.Arch != 90 || d.Limits().Cores != 4 || d.DriverVersion != 13000 {
		t.Errorf("%+v", d)
	}
	q := gpu.NewQueue(d)
	m, err := q.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	if err := gpu.Write(m, 16, []float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 2)
	if err := gpu.Read(m, 20, got); err != nil || got[0] != 2 || got[1] != 3 {
		t.Errorf("%v, %v", got, err)
	}
	for _, err := range []error{gpu.Write(m, 61, []byte{1, 2, 3, 4}), gpu.Read(m, 1<<63, got), gpu.Read(m, 60, got)} {
		if err == nil || !strings.Contains(err.Error(), "outside a piece of 64") {
			t.Errorf("%v", err)
		}
	}
	_, err = q.Alloc(2 << 30)
	var e *Error
	if !errors.As(err, &e) || !e.OutOfMemory() || !strings.Contains(err.Error(), "allocating 2.0 GiB on Fake GPU") || !strings.Contains(err.Error(), "1024.0 MiB of 1.0 GiB are free") {
		t.Errorf("%v", err)
	}
	if err := m.Free(); err != nil || len(state.memory) != 0 {
		t.Errorf("%v, %d pieces are left", err, len(state.memory))
	}
}

// TestLost has a kernel fail: the error appears at the next wait, and says that everything is gone.
func TestLost(t *testing.T) {
	d, state := opened(t)
	m, err := gpu.NewQueue(d).Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	state.fail["cuStreamSynchronize"] = 700
	for _, err := range []error{d.Sync(), gpu.Read(m, 0, make([]byte, 4))} {
		var e *Error
		if !errors.As(err, &e) || !e.Lost() || !strings.Contains(err.Error(), "waiting for Fake GPU") || !strings.Contains(err.Error(), "was lost") {
			t.Errorf("%v", err)
		}
	}
}

func TestClose(t *testing.T) {
	d, state := opened(t)
	if err := d.Close(); err != nil || state.calls["cuDevicePrimaryCtxRelease_v2"] != 1 || state.calls["cuStreamDestroy_v2"] != 1 {
		t.Errorf("%v, %v", err, state.calls)
	}
}
