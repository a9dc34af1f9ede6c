package main

import (
	"context"
	"strings"
	"testing"
)

// TestGPUByDefault begins models on a Mac's GPU where no flag says otherwise. Here there is none,
// which a note says, and the processor runs them.
func TestGPUByDefault(t *testing.T) {
	for _, c := range []struct {
		system string
		flags  []string
		note   bool
	}{
		{"darwin/arm64", nil, true},
		{"darwin/arm64", []string{"--gpu-layers", "0"}, false},
		{"darwin/arm64", []string{"--device", "cpu"}, false},
		{"darwin/arm64", []string{"--gpu-layers", "auto"}, false},
		{"darwin/amd64", nil, false},
		{"linux/arm64", nil, false},
	} {
		e := &environment{ctx: context.Background(), system: c.system}
		m := &modelFlags{}
		fs := newFlags("run")
		m.add(fs, 0)
		if err := fs.Parse(c.flags); err != nil {
			t.Fatal(err)
		}
		if err := m.checkDevice(e); err != nil {
			t.Fatal(err)
		}
		e.devices.close()
		notes := strings.Join(m.notes, "\n")
		if m.backends == nil && strings.HasPrefix(notes, "the processor runs the model: ") != c.note {
			t.Errorf("%s %v: notes %q", c.system, c.flags, notes)
		}
		if m.backends != nil && !c.note && (c.flags == nil || c.flags[1] != "auto") {
			t.Errorf("%s %v: a GPU is used", c.system, c.flags)
		}
	}
}
