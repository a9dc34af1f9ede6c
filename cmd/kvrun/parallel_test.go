package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/llamabench"
	"github.com/kvgen/kvgen/runtime/generate"
)

// TestParallel continues a prompt several times at once: greedily as one alone, else by a seed
// each.
func TestParallel(t *testing.T) {
	for _, cache := range [][]string{nil, {"-ctk", "q8_0", "-ctv", "lm4_64", "--keep-first", "2", "--keep-last", "6"}} {
		args := append([]string{"run", "-p", "KING HENRY:\n", "-n", "20", "--json", "--math", "exact", "--ignore-eos", "--seed", "5"}, cache...)
		var one, all runResult
		kvrunJSON(t, &one, append(args, "--temp", "0")...)
		kvrunJSON(t, &all, append(args, "--temp", "0", "-np", "3")...)
		if len(all.Parallel) != 3 || !slices.Equal(all.Tokens, one.Tokens) {
			t.Fatalf("%d continuations, %q, alone %q", len(all.Parallel), all.Text, one.Text)
		}
		for i, c := range all.Parallel {
			if c.Text != one.Text || c.Seed != uint64(5+i) || c.Stop != generate.StopLimit || !slices.Equal(c.Tokens, one.Tokens) {
				t.Errorf("%d of 3: %+v, alone %q", i+1, c, one.Text)
			}
		}
		var drawn runResult
		kvrunJSON(t, &drawn, append(args, "-np", "4", "--temp", "1.5")...)
		texts := map[string]bool{}
		for _, c := range drawn.Parallel {
			texts[c.Text] = true
		}
		if len(texts) != 4 || drawn.Text != drawn.Parallel[0].Text {
			t.Errorf("%d different texts of 4: %+v", len(texts), drawn.Parallel)
		}
	}
	var full runResult
	kvrunJSON(t, &full, "run", "-c", "24", "-n", "60", "--ignore-eos", "--json", "-np", "2")
	for _, c := range full.Parallel {
		if c.Stop != generate.StopFull || full.PromptTokens+len(c.Tokens) != 25 {
			t.Errorf("in a context of 24: %d+%d tokens, %s", full.PromptTokens, len(c.Tokens), c.Stop)
		}
	}
	code, out, stderr := kvrun("", "run", "-p", "KING HENRY:\n", "-n", "3", "--sequences", "2", "--seed", "7", "--ignore-eos")
	if code != 0 || !strings.HasPrefix(out, "KING HENRY:\n") || !strings.Contains(out, "--- 2 of 2, seed 8: limit ---\n") {
		t.Errorf("exit %d, %q, %s", code, out, stderr)
	}
}

// TestBenchParallel generates with several sequences at once.
func TestBenchParallel(t *testing.T) {
	for _, model := range []string{"gemma3", "qwen35"} {
		var rows []llamabench.Row
		kvrunJSON(t, &rows, "bench", "-m", arches+"/"+model+"/model.gguf", "-p", "0", "-n", "4", "-d", "0,40", "-npl", "1,3", "-r", "2", "-o", "json", "-pps")
		if len(rows) != 4 {
			t.Fatalf("%d rows", len(rows))
		}
		for i, r := range rows {
			if r.Parallel != []int{1, 3, 1, 3}[i] || r.Depth != []int{0, 0, 40, 40}[i] || r.Shared != (i%2 == 1) || r.AvgTS <= 0 || len(r.SamplesNS) != 2 {
				t.Errorf("row %d: %+v", i, r)
			}
			if per := float64(4*r.Parallel) / (float64(r.SamplesNS[0]) / 1e9); per < .9*r.SamplesTS[0] || per > 1.1*r.SamplesTS[0] {
				t.Errorf("row %d counts %.1f tokens per second, want %.1f", i, r.SamplesTS[0], per)
			}
		}
	}
	code, out, _ := kvrun("", "bench", "-p", "0", "-n", "2", "-d", "8", "-npl", "2", "-r", "1", "--no-warmup")
	if code != 0 || !strings.Contains(out, "tg2 x2 @ d8 ") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// TestVersion says what the program was built from.
func TestVersion(t *testing.T) {
	if code, out, _ := kvrun("", "--version"); code != 0 || !strings.HasPrefix(out, "kvrun ") || !strings.Contains(out, "go1.") {
		t.Errorf("exit %d: %s", code, out)
	}
}
