package lab

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// planted is a copy of a type whose functions can be replaced by wrong ones.
func planted(name string, spoil func(good kernels.Impl, bad *kernels.Impl)) *kernels.Type {
	t := *kernels.Default().ByName(name)
	good := *t.Best()
	bad := good
	bad.MatmulQ8, bad.MixQ8 = nil, nil
	spoil(good, &bad)
	t.Name, t.Impls, t.ActGroup = name+" with a fault", []kernels.Impl{bad}, 0
	return &t
}

// decoded replaces the kernels that read rows by plain loops over what decode gives.
func decoded(t *kernels.Type, impl *kernels.Impl, decode func(dst []float32, src []byte)) {
	impl.Decode = decode
	impl.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, _ *kernels.Workspace) {
		row := make([]float32, n)
		for r := range rows {
			decode(row, w[r*stride:][:t.RowBytes(n)])
			for j := range m {
				y[j*ldy+r] = 0
				for i, v := range row {
					y[j*ldy+r] += x[j*ldx+i] * v
				}
			}
		}
	}
	impl.Mix = func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, _ *kernels.Workspace) {
		row := make([]float32, n)
		for r := range rows {
			decode(row, v[r*stride:][:t.RowBytes(n)])
			for j := range m {
				for i := range row {
					o[j*ldo+i] += p[j*ldp+r] * row[i]
				}
			}
		}
	}
}

// faults are the mistakes that a comparison of predictions must not let pass.
var faults = []struct {
	name, typ string
	side      int // 0 for K
	says      string
	spoil     func(good kernels.Impl, bad *kernels.Impl)
}{
	{"a codebook whose ends are bent", "q4_0", 1, "packed or unpacked wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		decoded(kernels.Default().ByName("q4_0"), bad, func(dst []float32, src []byte) {
			good.Decode(dst, src)
			for lo := 0; lo < len(dst); lo += 32 {
				block := dst[lo : lo+32]
				top := max(slices.Max(block), -slices.Min(block))
				for i, v := range block {
					if v > .5*top || v < -.5*top {
						block[i] = .3 * v
					}
				}
			}
		})
	}},
	{"rotated when stored and not when read", "q8_0", 0, "packed or unpacked wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Encode = func(dst []byte, src []float32) {
			x := slices.Clone(src)
			kernels.Default().Rotations()[0].Transform.Best().Forward(x)
			good.Encode(dst, x)
		}
	}},
	{"values off by one row", "q8_0", 1, "read wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Mix = func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *kernels.Workspace) {
			good.Mix(o, ldo, p[1:], ldp, m, v, stride, rows-1, n, ws)
		}
	}},
	{"half a head zeroed", "lm4_64", 0, "packed or unpacked wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Encode = func(dst []byte, src []float32) {
			x := slices.Clone(src)
			for lo := 0; lo < len(x); lo += 64 {
				clear(x[lo+32 : lo+64])
			}
			good.Encode(dst, x)
		}
	}},
	{"scores that leave out half a head", "q4_0", 0, "read wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *kernels.Workspace) {
			good.Matmul(y, ldy, x, ldx, m, w, stride, rows, n/2, ws)
		}
	}},
}

// TestDiagnose plants each fault in one side of one layer of a plan that stores everything in
// packed types: that side of that layer is named and nothing else. Without a fault nothing is
// named.
func TestDiagnose(t *testing.T) {
	b := newBench(t)
	at := tasks()[0]
	o := Options{Reference: b.ref, Chunks: 3, Threads: 1}
	diagnose := func(p kv.Policy) []Finding {
		t.Helper()
		plan, err := kv.NewPlan(b.m.KVLayers(), p)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Diagnose(context.Background(), b.m, at, plan, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	choice := func(name string) kv.Choice { return kv.Choice{Type: kernels.Default().ByName(name)} }
	attn := choice("q4_0")
	attn.Rotation = kernels.Default().Rotations()[0]
	for _, p := range []kv.Policy{
		{K: choice("q8_0"), V: choice("turbo4")}, {K: attn, V: choice("lm3_64")}, {K: choice("turbo2"), V: attn}, {K: choice("bf16"), V: choice("f16")},
		{K: choice("q5_1"), V: choice("iq4_nl")}, {K: choice("lm6_32"), V: choice("lm2_32")},
	} {
		for _, f := range diagnose(p) {
			if f.Fault != "" || !(f.KLD > 0) || !(f.RowError > 0) {
				t.Errorf("no fault was planted: %+v", f)
			}
		}
	}
	for _, fault := range faults {
		for layer := range 2 {
			p := kv.Policy{K: choice("q8_0"), V: choice("q4_0"), Layers: map[int][2]kv.Choice{}}
			sides := [2]kv.Choice{p.K, p.V}
			sides[fault.side] = kv.Choice{Type: planted(fault.typ, fault.spoil)}
			p.Layers[layer] = sides
			for _, f := range diagnose(p) {
				here := f.Layer == layer && f.Side == []string{"K", "V"}[fault.side]
				if here && !strings.Contains(f.Fault, fault.says) || !here && f.Fault != "" {
					t.Errorf("%s in layer %d: %+v", fault.name, layer, f)
				}
			}
		}
		// In all layers at once each is named.
		p := kv.Policy{K: b.ref.Layers[0].K.Effective, V: b.ref.Layers[0].V.Effective}
		*[]*kv.Choice{&p.K, &p.V}[fault.side] = kv.Choice{Type: planted(fault.typ, fault.spoil)}
		if all := diagnose(p); len(all) != 2 || all[0].Fault == "" || all[1].Fault == "" {
			t.Errorf("%s everywhere: %+v", fault.name, all)
		}
	}
}

// endFaults are mistakes with the rows that stay exact.
var endFaults = []struct {
	name, says string
	spoil      func(good kernels.Impl, bad *kernels.Impl)
}{
	{"values off by one row", "kept or read wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Mix = func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *kernels.Workspace) {
			good.Mix(o, ldo, p[1:], ldp, m, v, stride, rows-1, n, ws)
		}
	}},
	{"scores that leave out half a head", "kept or read wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *kernels.Workspace) {
			good.Matmul(y, ldy, x, ldx, m, w, stride, rows, n/2, ws)
		}
	}},
	{"half a row lost before it is packed", "packed or unpacked wrongly", func(good kernels.Impl, bad *kernels.Impl) {
		bad.Decode = func(dst []float32, src []byte) {
			good.Decode(dst, src)
			clear(dst[len(dst)/2:])
		}
	}},
}

// TestDiagnoseEnds does what TestDiagnose does for a plan that keeps rows exact. A fault of theirs
// is named as theirs, one of the packed rows still as that of their side, and nothing is named
// without a fault.
func TestDiagnoseEnds(t *testing.T) {
	b := newBench(t)
	at := tasks()[0]
	at.Context = 32
	choice := func(name string) kv.Choice { return kv.Choice{Type: kernels.Default().ByName(name)} }
	policy := func() kv.Policy {
		return kv.Policy{K: choice("q8_0"), V: choice("q4_0"), Ends: kv.Ends{First: 2, Last: 4}, Layers: map[int][2]kv.Choice{}, LayerEnds: map[int]kv.Ends{}}
	}
	diagnose := func(p kv.Policy, ref *kv.Plan, path string) []Finding {
		t.Helper()
		plan, err := kv.NewPlan(b.m.KVLayers(), p)
		if err != nil {
			t.Fatal(err)
		}
		at.Path = path
		all, err := Diagnose(context.Background(), b.m, at, plan, Options{Reference: ref, Chunks: 2, Threads: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 6 || all[2].Side != "ends" || all[5].Side != "ends" {
			t.Fatalf("%+v", all)
		}
		return all
	}
	f16 := b.cell(t, "f16", "f16").Plan
	for _, path := range []string{Prefill, Decode} {
		for _, ref := range []*kv.Plan{b.ref, f16} {
			for _, f := range diagnose(policy(), ref, path) {
				if f.Fault != "" || f.Side != "ends" && !(f.KLD > 0 && f.RowError > 0) {
					t.Errorf("%s, no fault was planted: %+v", path, f)
				}
			}
		}
		for _, fault := range endFaults {
			for layer := range 2 {
				p := policy()
				p.LayerEnds[layer] = kv.Ends{First: 2, Last: 4, Type: planted("f16", fault.spoil)}
				for _, f := range diagnose(p, b.ref, path) {
					here := f.Layer == layer && f.Side == "ends"
					if here && !strings.Contains(f.Fault, fault.says) || !here && f.Fault != "" {
						t.Errorf("%s, %s in layer %d: %+v", path, fault.name, layer, f)
					}
				}
			}
		}
		for _, fault := range faults {
			p := policy()
			sides := [2]kv.Choice{p.K, p.V}
			sides[fault.side] = kv.Choice{Type: planted(fault.typ, fault.spoil)}
			p.Layers[1] = sides
			for _, f := range diagnose(p, b.ref, path) {
				here := f.Layer == 1 && f.Side == []string{"K", "V"}[fault.side]
				if here && !strings.Contains(f.Fault, fault.says) || !here && f.Fault != "" {
					t.Errorf("%s, %s beside exact rows: %+v", path, fault.name, f)
				}
			}
		}
	}
}
