package spec_test

import "testing"

// TestKernelSpecs checks the bytes per block of every type of the project against the published sizes.
func TestKernelSpecs(t *testing.T) {
	set := load(t)
	want := map[string][2]int{ // block, bytes
		"f32": {1, 4}, "f16": {1, 2}, "bf16": {1, 2},
		"q4_0": {32, 18}, "q4_1": {32, 20}, "q5_0": {32, 22}, "q5_1": {32, 24}, "q8_0": {32, 34},
		"iq4_nl": {32, 18}, "iq4_xs": {256, 136}, "mxfp4": {32, 17}, "tq3_1s": {32, 16}, "tq4_1s": {32, 20},
		"q2_K": {256, 84}, "q3_K": {256, 110}, "q4_K": {256, 144}, "q5_K": {256, 176}, "q6_K": {256, 210},
		"turbo2": {128, 34}, "turbo3": {128, 50}, "turbo4": {128, 68},
		"lm2_32": {32, 10}, "lm3_32": {32, 14}, "lm4_32": {32, 18}, "lm5_32": {32, 22}, "lm6_32": {32, 26},
		"lm2_64": {64, 18}, "lm3_64": {64, 26}, "lm4_64": {64, 34}, "lm5_64": {64, 42}, "lm6_64": {64, 50},
		"lm2_128": {128, 34}, "lm3_128": {128, 50}, "lm4_128": {128, 66}, "lm5_128": {128, 82}, "lm6_128": {128, 98},
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
