package main

import (
	"strings"
	"testing"
)

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
