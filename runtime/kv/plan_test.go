package kv_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/internal/typetest"
	"github.com/kvgen/kvgen/runtime/kv"
)

func layer(index, dim int) kv.Layer {
	return kv.Layer{Index: index, Heads: 2, KeyDim: dim, ValueDim: dim}
}

func TestPlanRefusals(t *testing.T) {
	f16, q4 := kv.Choice{Type: typetest.ByName("f16")}, kv.Choice{Type: typetest.ByName("q4_0")}
	rotated := kv.Choice{Type: q4.Type, Rotation: typetest.Attn()}
	for _, c := range []struct {
		name   string
		k, v   kv.Choice
		layers []kv.Layer
		want   []string // in the error; none: accepted
	}{
		{"plain", q4, f16, []kv.Layer{layer(0, 64)}, nil},
		{"padding", kv.Choice{Type: typetest.ByName("turbo3")}, f16, []kv.Layer{layer(0, 80)}, nil},
		{"rotated", rotated, rotated, []kv.Layer{layer(0, 128)}, nil},
		{"block", q4, f16, []kv.Layer{layer(0, 64), layer(3, 80)}, []string{"layer 3, K", "head_dim 80", "block of 32", "types that fit: ", "turbo"}},
		{"rotation", f16, rotated, []kv.Layer{layer(0, 96)}, []string{"layer 0, V", "attn", "head_dim % 64", "q4_0 without rotation"}},
		{"rotation of floats", kv.Choice{Type: f16.Type, Rotation: typetest.Attn()}, f16, []kv.Layer{layer(0, 64)}, []string{"layer 0, K", "quantised"}},
		{"read-only", kv.Choice{Type: typetest.ByName("q4_K")}, f16, []kv.Layer{layer(0, 256)}, []string{"q4_K", "not for the cache"}},
		{"both sides", q4, q4, []kv.Layer{layer(0, 40)}, []string{"layer 0, K and V: "}},
		{"equal layers", q4, q4, []kv.Layer{layer(0, 40), layer(1, 40), layer(2, 64), layer(3, 40), layer(4, 72)}, []string{"layers 0-1, 3, K and V: ", "layer 4, K and V: "}},
		{"one side of more", rotated, f16, []kv.Layer{layer(0, 96), layer(1, 96)}, []string{"layers 0-1, K: ", "q4_0 without rotation"}},
	} {
		plan, err := kv.NewPlan(c.layers, kv.Policy{K: c.k, V: c.v, Known: cacheTypes()})
		if len(c.want) == 0 {
			if err != nil || !plan.Honoured() {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v does not say %q", c.name, err, w)
			}
		}
		plan, err = kv.NewPlan(c.layers, kv.Policy{K: c.k, V: c.v, Fallback: f16.Type})
		if err != nil || plan.Honoured() {
			t.Errorf("%s: with a fallback: %v, honoured %v", c.name, err, plan.Honoured())
		}
	}
}

func TestPlanCountsPadding(t *testing.T) {
	turbo4, q4 := kv.Choice{Type: typetest.ByName("turbo4")}, kv.Choice{Type: typetest.ByName("q4_0")}
	plan, err := kv.NewPlan([]kv.Layer{layer(0, 64)}, kv.Policy{K: turbo4, V: q4})
	if err != nil {
		t.Fatal(err)
	}
	k, v := plan.Layers[0].K, plan.Layers[0].V
	if k.BitsPerValue != 8.5 || k.BytesPerToken != 2*68 || v.BitsPerValue != 4.5 || v.BytesPerToken != 2*36 {
		t.Errorf("K %v bits, %d bytes; V %v bits, %d bytes", k.BitsPerValue, k.BytesPerToken, v.BitsPerValue, v.BytesPerToken)
	}
	if plan.BitsPerValue(0) != 6.5 || plan.BytesPerToken() != 208 || plan.Bytes(100, 8) != 20800 {
		t.Errorf("%v bits, %d bytes, %d for 100", plan.BitsPerValue(0), plan.BytesPerToken(), plan.Bytes(100, 8))
	}
	c := newCache(t, turbo4, q4, 100, 8, layer(0, 64))
	if c.Bytes() != plan.Bytes(100, 8) {
		t.Errorf("the cache has %d bytes, the plan says %d", c.Bytes(), plan.Bytes(100, 8))
	}
}

func TestPolicyByLayer(t *testing.T) {
	f16, q4, q8 := kv.Choice{Type: typetest.ByName("f16")}, kv.Choice{Type: typetest.ByName("q4_0")}, kv.Choice{Type: typetest.ByName("q8_0")}
	plan, err := kv.NewPlan([]kv.Layer{layer(0, 64), layer(1, 64)}, kv.Policy{K: q4, V: q4, Layers: map[int][2]kv.Choice{1: {q8, f16}}})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := plan.Layers[0], plan.Layers[1]; a.K.Effective != q4 || b.K.Effective != q8 || b.V.Effective != f16 {
		t.Errorf("%v %v %v", a.K.Effective, b.K.Effective, b.V.Effective)
	}
}

// TestEnvRotation is the truth table of the LLAMA_ATTN_ROT_* variables.
func TestEnvRotation(t *testing.T) {
	for _, c := range []struct {
		disable, k, v, nrot string // "-" for unset
		quantised           bool
		dim                 int
		uniform             bool
		kTile, vTile        int
	}{
		{"-", "-", "-", "-", true, 128, true, 0, 0},
		{"0", "0", "0", "-", true, 128, true, 0, 0},
		{"-", "1", "-", "-", true, 128, true, 64, 0},
		{"-", "-", "1", "-", true, 128, true, 0, 64},
		{"0", "2", " -1", "-", true, 64, true, 64, 64},
		{"1", "1", "1", "-", true, 128, true, 0, 0},
		{"-3", "1", "1", "-", true, 128, true, 0, 0},
		{"-", "1", "1", "-", false, 128, true, 0, 0},
		{"-", "1", "1", "-", true, 80, true, 0, 0},
		{"-", "1", "1", "-", true, 128, false, 0, 0},
		{"-", "1", "1", "0", true, 256, true, 256, 64},
		{"-", "1", "1", "0", true, 192, true, 64, 64},
		{"-", "1", "1", "128", true, 128, true, 128, 64},
		{"", "", "1", "", true, 64, true, 0, 64},
	} {
		env := map[string]string{"DISABLE": c.disable, "K_OVERRIDE": c.k, "V_OVERRIDE": c.v, "K_NROT": c.nrot}
		e, err := kv.ReadEnvRotation(func(name string) (string, bool) {
			v := env[strings.TrimPrefix(name, "LLAMA_ATTN_ROT_")]
			return v, v != "-"
		})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		k, whyK := e.Side(true, c.quantised, c.dim, c.uniform)
		v, whyV := e.Side(false, c.quantised, c.dim, c.uniform)
		if k != c.kTile || v != c.vTile {
			t.Errorf("%+v: K %d, V %d", c, k, v)
		}
		if (whyK != "") != (e.K && k == 0) || (whyV != "") != (e.V && v == 0) {
			t.Errorf("%+v: a request without effect must say why, and only that: %q, %q", c, whyK, whyV)
		}
	}
	for _, v := range []string{"yes", "2x", "xx", "1.5", "99999999999999999999"} {
		for _, name := range []string{"DISABLE", "K_OVERRIDE", "V_OVERRIDE", "K_NROT"} {
			_, err := kv.ReadEnvRotation(func(n string) (string, bool) { return v, n == "LLAMA_ATTN_ROT_"+name })
			if err == nil || !strings.Contains(err.Error(), "LLAMA_ATTN_ROT_"+name+"=") {
				t.Errorf("%s=%s: %v", name, v, err)
			}
		}
	}
}
