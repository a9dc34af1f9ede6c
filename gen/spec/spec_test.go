package spec_test

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/gen/codebook"
)

// TestKernelSpecs checks the bytes per block of every type of the project against the published
// sizes.
func TestKernelSpecs(t *testing.T) {
	set := load(t)
	want := map[string][2]int{ // block, bytes
		"f32": {1, 4}, "f16": {1, 2}, "bf16": {1, 2},
		"q4_0": {32, 18}, "q4_1": {32, 20}, "q5_0": {32, 22}, "q5_1": {32, 24}, "q8_0": {32, 34},
		"iq4_nl": {32, 18}, "iq4_xs": {256, 136}, "mxfp4": {32, 17}, "iq2_xxs": {256, 66}, "iq2_xs": {256, 74}, "iq2_s": {256, 82}, "iq3_xxs": {256, 98}, "iq3_s": {256, 110},
		"iq1_s": {256, 50}, "iq1_m": {256, 56}, "tq1_0": {256, 54}, "tq2_0": {256, 66}, "q1_0": {128, 18}, "q2_0": {64, 18}, "nvfp4": {64, 36}, "tq3_1s": {32, 16}, "tq4_1s": {32, 20},
		"q2_K": {256, 84}, "q3_K": {256, 110}, "q4_K": {256, 144}, "q5_K": {256, 176}, "q6_K": {256, 210},
		"turbo2": {128, 34}, "turbo3": {128, 50}, "turbo4": {128, 68},
		"lm2_32": {32, 10}, "lm3_32": {32, 14}, "lm4_32": {32, 18}, "lm5_32": {32, 22}, "lm6_32": {32, 26},
		"lm2_64": {64, 18}, "lm3_64": {64, 26}, "lm4_64": {64, 34}, "lm5_64": {64, 42}, "lm6_64": {64, 50},
		"lm2_128": {128, 34}, "lm3_128": {128, 50}, "lm4_128": {128, 66}, "lm5_128": {128, 82}, "lm6_128": {128, 98},
		"xm3_32": {32, 14}, "xm4_32": {32, 18}, "xm5_32": {32, 22}, "xm3_64": {64, 26}, "xm4_64": {64, 34}, "xm5_64": {64, 42},
		"xm3_128": {128, 50}, "xm4_128": {128, 66}, "xm5_128": {128, 82},
	}
	for _, x := range set.Types {
		if got := [2]int{x.Block, x.Bytes}; got != want[x.Name] {
			t.Errorf("%s: block and bytes %v, want %v", x.Name, got, want[x.Name])
		}
		delete(want, x.Name)
	}
	for name := range want {
		t.Errorf("%s is not declared", name)
	}
}

// TestRotations checks that every tile is a Hadamard matrix without signs, of the size that its
// guard asks for.
func TestRotations(t *testing.T) {
	set := load(t)
	want := map[string]int{"attn": 64, "attn16": 16, "attn32": 32, "attn128": 128, "attn256": 256, "attn512": 512}
	for _, r := range set.Rotations {
		if r.Tile.Size != want[r.Name] || r.Tile.Left != nil || r.Tile.Right != nil {
			t.Errorf("%s: a tile of %d, want %d without signs", r.Name, r.Tile.Size, want[r.Name])
		}
		if text := fmt.Sprintf("quantised && head_dim %% %d == 0", r.Tile.Size); r.Guard == nil || r.Guard.Text != text {
			t.Errorf("%s: guard %v, want %s", r.Name, r.Guard, text)
		}
		delete(want, r.Name)
	}
	for name := range want {
		t.Errorf("%s is not declared", name)
	}
}

// TestIntegerLevels holds lm.hcl and xm.hcl to the cost that they state for integer levels, and to
// one plane of bits per power of two.
func TestIntegerLevels(t *testing.T) {
	families := map[string]struct {
		source func(int) codebook.Source
		cost   map[int]float64
	}{
		// of 5 and 6 bits they are floats
		"lm": {codebook.Sphere, map[int]float64{2: .0001, 3: .0001, 4: .00052}},
		"xm": {codebook.Extremum, map[int]float64{3: .0003, 4: .0012, 5: .006}},
	}
	for _, x := range load(t).Types {
		f, ok := families[x.Name[:2]]
		if !ok {
			continue
		}
		bits := x.Codes[0].Bits
		source, cost := f.source(x.Block), f.cost[bits]
		levels, err := codebook.LloydMax(1<<bits, source)
		if err != nil {
			t.Fatal(err)
		}
		over := x.Codebook.Distortion/codebook.AtScale(levels, source, 1) - 1
		if x.Codebook.Int8 != (cost > 0) || over < -1e-6 || over > cost+1e-6 {
			t.Errorf("%s: integer levels %t cost %.5f, allowed %.5f", x.Name, x.Codebook.Int8, over, cost)
		}
		if x.Bytes != 2+x.Block*bits/8 {
			t.Errorf("%s: %d bytes per block", x.Name, x.Bytes)
		}
	}
}
