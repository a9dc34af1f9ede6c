package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPromptCacheAsFresh runs series of prompts with one file of --prompt-cache, which each run
// finds as the last one left it. The tokens are those of runs without the file. That holds with
// every cache, exact rows at its ends, several sequences, contexts of other sizes and after a
// shift.
func TestPromptCacheAsFresh(t *testing.T) {
	const seriesAll = 60
	rng := rand.New(rand.NewPCG(11, 19))
	const text = "Now is the winter of our discontent made glorious summer by this sun of York; and all the clouds that lour'd upon our house " +
		"in the deep bosom of the ocean buried. Now are our brows bound with victorious wreaths; our bruised arms hung up for monuments."
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	reused, again := 0, 0
	for series := range seriesAll {
		model := pick("llama_hd64", "llama_hd64", "qwen2_hd64", "gemma3", "gptoss", "qwen35", "phi3_long")
		flags := []string{"-m", filepath.Join(arches, model, "model.gguf"), "-ctk", pick("f16", "q8_0", "q4_0"), "-ctv", pick("f16", "q8_0", "q5_1"),
			"--keep-first", pick("0", "0", "2", "7"), "--keep-last", pick("0", "1", "5", "16", "40"), "-b", pick("8", "256")}
		size := pick("60", "130", "512")
		file := filepath.Join(t.TempDir(), fmt.Sprint(series))
		prompt := text[:20+rng.IntN(120)]
		var log []string
		for step := range 5 {
			switch rng.IntN(4) {
			case 0:
				prompt = text[:10+rng.IntN(190)]
			case 1:
				prompt = prompt[:1+rng.IntN(len(prompt))] + pick("", "XYZ", " and so on")
			case 2:
				prompt += pick(" or", "; the king", text[40:40+rng.IntN(60)])
			case 3: // without a stretch
				if at := rng.IntN(len(prompt)); at > 5 && len(prompt)-at > 60 {
					prompt = prompt[:at] + prompt[at+10:]
				}
			}
			if rng.IntN(5) == 0 && model != "phi3_long" { // there it is refused
				size = pick("60", "130", "512")
			}
			args := append(slices.Clone(flags), "-p", prompt, "-n", pick("3", "12", "30"), "-c", size)
			if rng.IntN(3) == 0 {
				args = append(args, "--parallel", pick("2", "3"))
			}
			keep := []string{"--prompt-cache", file}
			if all := rng.IntN(3); all == 0 {
				keep = append(keep, "--prompt-cache-all")
			}
			run := func(more ...string) (r runResult, refused string) {
				args := append(append([]string{"run", "--json", "--temp", "0", "--math", "exact", "--ignore-eos", "-t", "1"}, args...), more...)
				code, out, stderr := kvrun("", args...)
				if code != 0 {
					return r, stderr
				}
				if err := json.Unmarshal([]byte(out), &r); err != nil {
					t.Fatal(err)
				}
				return r, ""
			}
			fresh, refused := run()
			if refused != "" {
				if !strings.Contains(refused, "the prompt has") {
					t.Fatal(args, refused)
				}
				continue
			}
			got, refused := run(keep...)
			log = append(log, fmt.Sprintf("%q %q: %d of %d reused", args, keep, got.Reused, got.PromptTokens))
			if refused != "" {
				if !strings.Contains(refused, "--ctx-size") {
					t.Fatal(args, refused)
				}
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if reused += got.Reused; slices.ContainsFunc(got.Record.Notes, func(n string) bool { return strings.Contains(n, "are run again") }) {
				again++
			}
			same := slices.Equal(got.Tokens, fresh.Tokens) && len(got.Parallel) == len(fresh.Parallel)
			for i := range min(len(got.Parallel), len(fresh.Parallel)) {
				same = same && slices.Equal(got.Parallel[i].Tokens, fresh.Parallel[i].Tokens)
			}
			if !same {
				t.Fatalf("series %d, step %d: %v, fresh %v\n%s", series, step, got.Tokens, fresh.Tokens, strings.Join(log, "\n"))
			}
		}
	}
	t.Logf("%d tokens reused, %d runs ran some again", reused, again)
	if reused < 20*seriesAll || again < seriesAll/20 {
		t.Errorf("%d tokens were reused, and %d runs ran some again: nothing was tried", reused, again)
	}
}
