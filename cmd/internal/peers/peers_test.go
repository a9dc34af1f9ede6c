package peers

import (
	"slices"
	"strings"
	"testing"
)

// TestTable holds the form of flags.txt: verdicts that exist, a reason for each, and no entry that
// another hides.
func TestTable(t *testing.T) {
	n := 0
	for name, flags := range table {
		for i, f := range flags {
			n++
			if !slices.Contains([]Verdict{Same, Idle, No, Here}, f.Verdict) || f.Text == "" {
				t.Errorf("%s: %+v", name, f)
			}
			if i+1 < len(flags) && f.Commands == nil {
				t.Errorf("%s: its entry for all commands hides those after it", name)
			}
			if f.Neutral != nil && f.Values == 0 {
				t.Errorf("%s: no value, but neutral ones", name)
			}
			for j, other := range flags[:i] {
				for _, c := range f.Commands {
					if slices.Contains(other.Commands, c) {
						t.Errorf("%s: entries %d and %d are both for %s", name, j, i, c)
					}
				}
			}
		}
	}
	if n < 600 {
		t.Errorf("%d entries only", n)
	}
	for _, bad := range []string{"no\n", "no 3 : x\n", "no 1 maybe : x\n", "no 1 x\n"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is read", bad)
				}
			}()
			read(bad)
		}()
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		command, name string
		verdict       Verdict
		values        int
	}{
		{"run", "-md", No, 1}, {"run", "--model-draft", No, 1}, {"run", "--top_n_sigma", No, 1}, {"run", "-fmoe", Idle, Optional},
		{"bench", "-mmp", Idle, Optional}, {"run", "-cnv", Here, 0}, {"chat", "-cnv", Idle, Optional}, {"chat", "-no-cnv", Here, 0},
		{"run", "--spec-replace", No, 2}, {"kld", "--save-all-logits", Same, 1}, {"ppl", "--save-all-logits", Here, 1}, {"run", "--host", Here, 1},
	} {
		if f, ok := Lookup(c.command, c.name); !ok || f.Verdict != c.verdict || f.Values != c.values {
			t.Errorf("%s %s: %+v", c.command, c.name, f)
		}
	}
	if f, ok := Lookup("run", "--no-such-flag"); ok {
		t.Errorf("%+v", f)
	}
}

// TestAsks tells values that ask for nothing from others, however a number is written.
func TestAsks(t *testing.T) {
	f := Flag{Neutral: []string{"0", "-1", "auto"}}
	for value, want := range map[string]bool{"0": false, "0.0": false, "0.": false, ".0": false, "-1.00": false, "auto": false, "1": true, "10": true, "0.1": true, "": false, "x": true} {
		if f.Asks(value) != want {
			t.Errorf("%q: asks %v", value, !want)
		}
	}
	for value, want := range map[string]bool{"0,1": true, "on": true, "OFF": true, "2": false, "": false, "model.gguf": false} {
		if IsSwitch(value) != want {
			t.Errorf("%q: a switch %v", value, !want)
		}
	}
}

func TestCommand(t *testing.T) {
	for _, name := range []string{"server", "pull", "llama-cli", "perplexity"} {
		if says, ok := Command(name); !ok || !strings.Contains(says, "kvrun") {
			t.Errorf("%s: %q", name, says)
		}
	}
	if says, ok := Command("run"); ok {
		t.Error(says)
	}
}
