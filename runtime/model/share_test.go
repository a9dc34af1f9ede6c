package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/program"
)

// idle is a device that runs nothing.
type idle struct {
	Device
	name string
}

// TestShare shares a model of 16 layers and the output out as llama.cpp does; the numbers of layers
// are by device, "cpu" the processor. The cases are those of its src/llama-model.cpp: a layer il of
// those from i_gpu_start on goes to the first device whose share of the sum is above (il -
// i_gpu_start)/n.
func TestShare(t *testing.T) {
	m := &Model{Layers: 16, program: &program.Program{Layers: 16}}
	a, b, c := &idle{name: "a"}, &idle{name: "b"}, &idle{name: "c"}
	for _, s := range []struct {
		n       int
		devices []Device
		shares  []float64
		want    string
	}{
		{0, []Device{a}, nil, "cpu 0"},
		{1, []Device{a}, nil, "cpu 16, a 1"},
		{6, []Device{a}, nil, "cpu 11, a 6"},
		{16, []Device{a}, nil, "cpu 1, a 16"},
		{17, []Device{a}, nil, "a 17"},
		{99, []Device{a}, nil, "a 17"},
		{99, []Device{a, b}, nil, "a 9, b 8"},
		{99, []Device{a, b}, []float64{3, 1}, "a 13, b 4"},
		{8, []Device{a, b}, []float64{3, 1}, "cpu 9, a 6, b 2"},
		{10, []Device{a, b, c}, []float64{1, 0, 1}, "cpu 7, a 5, c 5"},
		{99, []Device{a, b}, []float64{0, 1}, "b 17"},
		{99, nil, nil, "cpu 0"},
	} {
		list, err := m.Share(s.n, s.devices, s.shares)
		if err != nil {
			t.Error(s, err)
		}
		var got []string
		for _, p := range list {
			name := "cpu"
			if d, ok := p.Device.(*idle); ok {
				name = d.name
			}
			got = append(got, fmt.Sprintf("%s %d", name, p.Layers))
		}
		if text := strings.Join(got, ", "); text != s.want {
			t.Errorf("%d layers over %v by %v: %s, want %s", s.n, s.devices, s.shares, text, s.want)
		}
	}
	if _, err := m.Share(3, []Device{a, b}, []float64{0, 0}); err == nil {
		t.Error("shares of nothing are accepted")
	}
}

// TestShareOfSharedCaches keeps layers and the cache they read together.
func TestShareOfSharedCaches(t *testing.T) {
	c := readCase(t, "gemma4_e2b")
	m, d := c.model, &idle{}
	refused := 0
	for n := 1; n <= m.Layers; n++ {
		list, err := m.Share(n, []Device{d}, nil)
		if want := m.program.Cut(m.Layers + 1 - n); (want == nil) != (err == nil) {
			t.Fatalf("%d layers: %v, want %v", n, err, want)
		}
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "the nearest numbers that work, the output counted as one, are") {
				t.Errorf("%d layers: %v", n, err)
			}
			continue
		}
		if _, err := m.placed(list); err != nil {
			t.Errorf("%d layers: %v", n, err)
		}
	}
	if refused == 0 {
		t.Error("no number of layers was refused")
	}
	for share := 0.05; share < 1; share += 0.05 {
		list, err := m.Share(99, []Device{d, &idle{}}, []float64{share, 1 - share})
		if err == nil {
			_, err = m.placed(list)
		}
		if err != nil {
			t.Errorf("a share of %.2f: %v", share, err)
		}
	}
}
