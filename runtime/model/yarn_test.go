package model

import (
	"math"
	"slices"
	"testing"
)

// TestYarnBounds holds the ramp of gpt-oss, from pair 8.0928 to 17.3980, and that of the families
// that round it, 8 to 18 (numbers by NumPy from the original configuration: heads of 64, base
// 150000, factor 32, 4096 positions, 32 turns to 1).
func TestYarnBounds(t *testing.T) {
	r := &Rope{Dims: 64, Base: 150000, Factor: 32, Original: 4096, Yarn: &Yarn{BetaFast: 32, BetaSlow: 1}}
	keep := func(whole bool) (all []float64) {
		r.Yarn.Whole = whole
		for i := range 32 {
			all = append(all, r.Yarn.keep(i, r))
		}
		return all
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-5 }
	exact, whole := keep(false), keep(true)
	for i := range 32 {
		ramp := func(low, high float64) float64 { return 1 - min(1, max(0, (float64(i)-low)/(high-low))) }
		if !near(exact[i], ramp(8.0927791, 17.3980245)) || !near(whole[i], ramp(8, 18)) {
			t.Errorf("pair %d: %v, rounded %v", i, exact[i], whole[i])
		}
	}
	// At position 4096 the two forms turn a pair by .90 rad more or less.
	most := 0.0
	for i := range 32 {
		f := math.Pow(150000, -float64(i)/32)
		most = max(most, 4096*math.Abs(f*(exact[i]-whole[i])*(1-1./32)))
	}
	if math.Abs(most-.9) > .01 {
		t.Errorf("at position 4096 the largest difference is %.3f rad", most)
	}
}

// TestYarnOfFamilies says which family rounds where the file says nothing.
func TestYarnOfFamilies(t *testing.T) {
	for _, c := range []struct {
		base  string
		whole bool
	}{{"gptoss", false}, {"llama_hd64", true}, {"qwen3", true}, {"mistral3", true}} {
		r := recipeOf(t, c.base)
		arch := r.keys["general.architecture"].(string)
		r.keys[arch+".rope.scaling.type"], r.keys[arch+".rope.scaling.factor"] = "yarn", float32(32)
		r.keys[arch+".rope.scaling.original_context_length"] = uint32(4096)
		for _, key := range []any{nil, true, false} {
			want := c.whole
			delete(r.keys, arch+"."+truncateKey)
			if key != nil {
				r.keys[arch+"."+truncateKey], want = key, key.(bool)
			}
			freq := r.model(t).program.Ropes[0].Short
			r.keys[arch+"."+truncateKey] = want
			if same := r.model(t).program.Ropes[0].Short; !slices.Equal(freq, same) {
				t.Errorf("%s, key %v: pairs turn by %v, want %v", c.base, key, freq, same)
			}
			r.keys[arch+"."+truncateKey] = !want
			if other := r.model(t).program.Ropes[0].Short; slices.Equal(freq, other) {
				t.Errorf("%s: the key changes nothing", c.base)
			}
		}
	}
}
