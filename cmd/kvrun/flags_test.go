package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestSpellings reads llama.cpp's spellings, and leaves values alone.
func TestSpellings(t *testing.T) {
	for given, want := range map[string]string{
		"-ctk q8_0 -ctv=q4_0":         "--cache-type-k=q8_0 --cache-type-v=q4_0",
		"-m a.gguf -ngl 0 -t 2":       "--model=a.gguf --gpu-layers=0 --threads=2",
		"--n-gpu-layers 3 -ub 64":     "--gpu-layers=3 --ubatch-size=64",
		"-fa 1 x.gguf":                "--flash-attn=1 x.gguf",
		"-fa x.gguf":                  "--flash-attn x.gguf",
		"-fa":                         "--flash-attn",
		"-temp 0 -seed 3 -n -1":       "--temp=0 --seed=3 --predict=-1",
		"-p -ctk":                     "--prompt=-ctk",
		"--prompt -ctk --json":        "--prompt=-ctk --json",
		"-v -- -ctk q8_0":             "--verbose -- -ctk q8_0",
		"-n32 -m./x.gguf -c-1 -vn3":   "-n32 -m./x.gguf -c-1 -vn3",
		"--top_k 3 --n_predict 4":     "--top-k=3 --predict=4",
		"--temperature 0 --json True": "--temp=0 --json=True",
	} {
		var m modelFlags
		var f sampleFlags
		fs := newFlags("test")
		fs.StringP("prompt", "p", "", "")
		f.add(fs, 0)
		m.add(fs, model.Exact)
		l := line.Read(fs, strings.Fields(given), nil)
		if _, err := l.Check(); err != nil || !slices.Equal(l.Args, strings.Fields(want)) {
			t.Errorf("%s: %q, %v, want %s", given, l.Args, err, want)
		}
	}
}
