package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompare compares models with others: itself, from which it differs by nothing, and its
// quantised form, of which both perplexities are what kvrun ppl says.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	model, small, other := filepath.Join(dir, "f16.gguf"), filepath.Join(dir, "small.gguf"), filepath.Join(dir, "other.gguf")
	text := write(t, "text", strings.Repeat("It was the best of times, it was the worst of times. ", 20))
	for _, line := range []string{
		"synth --embd 64 --head-dim 32 --ff 96 --layers 1 --vocab 1600 --type f16 -c 256 --out " + model,
		"synth --embd 64 --head-dim 32 --ff 96 --layers 1 --vocab 1700 --type f16 -c 256 --out " + other,
		"quantize " + model + " " + small + " --type q4_0 --pure",
	} {
		if code, _, stderr := kvrun("", strings.Fields(line)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	measure := []string{"-f", text, "-c", "64", "--chunks", "2", "--format", "json"}
	var same, differs kldResult
	kvrunJSON(t, &same, append([]string{"compare", model, model}, measure...)...)
	kvrunJSON(t, &differs, append([]string{"compare", model, small}, measure...)...)
	if *same.KLD.Mean != 0 || *same.SameTop.Mean != 1 {
		t.Errorf("a model differs from itself: KLD %v, same top %v", *same.KLD.Mean, *same.SameTop.Mean)
	}
	if *differs.KLD.Mean <= 0 || differs.Reference != model {
		t.Errorf("KLD %v, reference %s", *differs.KLD.Mean, differs.Reference)
	}
	for path, got := range map[string]float64{model: *differs.RefPPL.Mean, small: *differs.PPL.Mean} {
		var alone pplResult
		kvrunJSON(t, &alone, append([]string{"ppl", path, "--math", "exact"}, measure...)...)
		if want := alone.PPL; math.Abs(got-want) > 1e-4*want {
			t.Errorf("%s: PPL %v, alone %v", path, got, want)
		}
	}
	if code, _, stderr := kvrun("", append([]string{"compare", model, other}, measure...)...); code != 1 || !strings.Contains(stderr, "different vocabularies") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "compare", model); code != 2 || !strings.Contains(stderr, "want two models") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
