//go:build emulate || gpu

package selftest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// onGPU tests some types on the GPU of the tests. They are copies, which a test may change.
func onGPU(t *testing.T, names ...string) Options {
	t.Helper()
	g, err := NewGPU(engine.NewBackend(gputest.Open(t).Device), "test", "generation")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Table: kernels.Default(), GPU: g, Oracles: func(typ *kernels.Type) ([]conform.Oracle, bool) {
		f, _ := ref.ByName(typ.Name)
		return []conform.Oracle{{Name: "format by hand", Format: f}}, false
	}}
	for _, name := range names {
		c := *kernels.Default().ByName(name)
		c.Impls = slices.Clone(c.Impls)
		o.Types = append(o.Types, &c)
	}
	return o
}

// ofGPU are the checks of the GPU.
func ofGPU(r *Report) (all []Check) {
	for _, c := range r.Checks {
		if c.ISA == "test" {
			all = append(all, c)
		}
	}
	return all
}

// TestGPU holds a type of both uses, one with a transform and one that is only read.
func TestGPU(t *testing.T) {
	checks := ofGPU(Run(context.Background(), onGPU(t, "q8_0", "turbo4", "q4_K")))
	kinds := map[string]bool{}
	for _, c := range checks {
		kinds[c.Kind] = true
		if c.Verdict != Good && (c.Verdict != Skipped || !strings.HasPrefix(c.Kind, "prefill")) {
			t.Errorf("%v: %s %s %v", c, c.Verdict, c.Error, c.First)
		}
	}
	if len(checks) != 2*8+2*6 || len(kinds) != 14 {
		t.Errorf("%d checks of %d kinds: %v", len(checks), len(kinds), checks)
	}
}

// TestWrongGPU plants a processor that encodes and decodes otherwise, so that it is the GPU which
// looks wrong, in every kind of kernel.
func TestWrongGPU(t *testing.T) {
	o := onGPU(t, "q8_0")
	best := o.Types[0].Best()
	encode, decode := best.Encode, best.Decode
	best.Encode = func(dst []byte, src []float32) { encode(dst, src); dst[len(dst)-1] ^= 1 }
	best.Decode = func(dst []float32, src []byte) {
		decode(dst, src)
		for i := range dst {
			dst[i] *= 1.5 // a constant would add the same to all scores of a query
		}
	}
	for _, c := range ofGPU(Run(context.Background(), o)) {
		if c.Verdict == Good {
			t.Errorf("%v is right against a processor that is wrong: %s", c, c.Figure)
		}
		if c.Verdict == Bad && (c.First.Place == "" || c.First.Expected == "" || c.First.Got == "") {
			t.Errorf("%v: the first wrong value is %+v", c, c.First)
		}
	}
}

// TestBenchGPU measures how fast the GPU copies, after the processor.
func TestBenchGPU(t *testing.T) {
	o := onGPU(t)
	o.Types, o.Bench = []*kernels.Type{}, true
	r := Run(context.Background(), o)
	if len(r.Speeds) != 2 || r.Speeds[1].What != "copy" || r.Speeds[1].ISA != "test" || !(r.Speeds[1].Median > 0) || !r.OK {
		t.Errorf("speeds %+v, failures %v", r.Speeds, r.Checks)
	}
}
