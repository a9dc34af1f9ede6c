package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/runtime/generate"
)

// TestSampleFlags holds what numbers below 0 mean, as in llama.cpp, and what is refused.
func TestSampleFlags(t *testing.T) {
	parse := func(text string) (*sampleFlags, error) {
		var f sampleFlags
		fs := newFlags("x")
		f.add(fs, 16)
		if err := fs.Parse(line.Read(fs, strings.Fields(text), nil).Args); err != nil {
			return &f, err
		}
		return &f, f.check()
	}
	for line, right := range map[string]func(f *sampleFlags) bool{
		"--top-k -1":         func(f *sampleFlags) bool { return f.TopK == 0 },
		"--repeat-last-n -1": func(f *sampleFlags) bool { return f.sized(77).RepeatLast == 77 },
		"--repeat-last-n 5":  func(f *sampleFlags) bool { return f.sized(77).RepeatLast == 5 },
		"-n -1":              func(f *sampleFlags) bool { return f.predict == -1 && !f.noShift },
		"-n -2":              func(f *sampleFlags) bool { return f.predict == -1 && f.noShift },
		"--keep -1":          func(f *sampleFlags) bool { return f.keep == generate.KeepPrompt },
		"--temp -1":          func(f *sampleFlags) bool { return f.Temperature == -1 },
	} {
		if f, err := parse(line); err != nil || !right(f) {
			t.Errorf("%s: %+v, %v", line, *f, err)
		}
	}
	for _, line := range []string{"--top-k -2", "--repeat-last-n -2", "-n -3", "--keep -2", "--temp nan", "--temp inf", "--top-p 2", "--top-p -0.1",
		"--top-p nan", "--min-p 1.5", "--repeat-penalty 0", "--repeat-penalty -1", "--repeat-penalty inf"} {
		flag, _, _ := strings.Cut(line, " ")
		if flag == "-n" {
			flag = "--predict"
		}
		if _, err := parse(line); err == nil || !strings.Contains(err.Error(), flag) || strings.Contains(err.Error(), "e+") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
