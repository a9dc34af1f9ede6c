package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestOwnTypes chooses by what is measured: of the types in the same bytes the one over the extremum where there is one, in
// every block, and no other program's.
func TestOwnTypes(t *testing.T) {
	for bits, family := range map[int]string{2: "lm", 3: "xm", 4: "xm", 5: "xm", 6: "lm"} {
		var want []string
		for _, n := range ownBlocks {
			want = append(want, fmt.Sprintf("%s%d_%d", family, bits, n))
		}
		if got := ownTypes(bits); !slices.Equal(got, want) {
			t.Errorf("%d bits: %v, want %v", bits, got, want)
		}
	}
	if got := append(ownTypes(1), ownTypes(9)...); got != nil {
		t.Errorf("of 1 and 9 bits: %v", got)
	}
	// The error of lm4_64 is published as .0088 of the power, that of xm4_64 as .0071.
	for name, want := range map[string]float64{"lm4_64": .0088, "xm4_64": .0071} {
		if got := normalLoss(kernels.ByName(name)) / (8 * 1024); got < .95*want || got > 1.05*want {
			t.Errorf("%s: %.5f, want %.5f", name, got, want)
		}
	}
}

// TestDefaultCandidates has one type of each width for values, and for keys small blocks too.
func TestDefaultCandidates(t *testing.T) {
	e := &environment{lookup: func(string) (string, bool) { return "", false }}
	flags := &modelFlags{model: arches + "/llama_hd64/model.gguf"}
	flags.typeK, flags.typeV = "f16", "f16"
	s, err := e.open(flags)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for keys, want := range map[bool]string{
		false: "lm2_64 xm3_64 xm4_64 xm5_64 lm6_64 q4_0+attn q8_0+attn",
		true:  "lm2_64 xm3_64 xm4_64 xm4_32 xm5_64 xm5_32 lm6_64 lm6_32 q4_0+attn q8_0+attn",
	} {
		if got := strings.Join(s.defaultCandidates(keys), " "); got != want {
			t.Errorf("keys %t: %s, want %s", keys, got, want)
		}
	}
	cells := strings.Join(s.studyCells(), " ")
	if want := "q8_0/turbo3 lm6_64 xm4_64 xm5_64/xm3_64 xm3_64"; !strings.HasSuffix(cells, want) {
		t.Errorf("cells %s, want %s last", cells, want)
	}
}
