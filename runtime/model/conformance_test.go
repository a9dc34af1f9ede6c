package model

import (
	"slices"
	"strings"
	"testing"
)

// TestExact compares f32 arithmetic and an f32 cache with the logits of every case, both ways, and its greedy tokens.
func TestExact(t *testing.T) {
	for _, name := range caseNames(t) {
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			most, rms := 2e-4, 5e-5
			if strings.HasPrefix(name, "gemma") {
				most, rms = 2e-2, 3e-3 // the logits were computed with a half-precision table of GELU
			}
			x, err := c.context(t, "f32", "f32", Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			want, first := c.want(t, "exact")
			for path, run := range map[string]func() [][]float32{
				"prefill": func() [][]float32 { return prefill(t, x, c.Tokens, first) },
				"decode":  func() [][]float32 { return decode(t, x, c.Tokens, first) },
			} {
				got := run()
				if len(got) != len(want) {
					t.Fatalf("%s: %d rows, want %d", path, len(got), len(want))
				}
				if m, r := differ(got, want); !(m <= most && r <= rms) {
					t.Errorf("%s: max %.2g, rms %.2g; allowed %.2g, %.2g", path, m, r, most, rms)
				}
			}
			ids := greedy(t, x, prefill(t, x, c.Tokens, len(c.Tokens)-1)[0], len(c.Configs["exact"].Greedy))
			if want := c.Configs["exact"].Greedy; !slices.Equal(ids, want) {
				t.Errorf("greedy tokens %v, want %v", ids, want)
			}
		})
	}
}
