package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/generate"
)

func TestRun(t *testing.T) {
	args := []string{"run", "-p", "KING HENRY:\n", "-n", "12", "--json", "--seed", "5"}
	var a, b, greedy runResult
	kvrunJSON(t, &a, args...)
	kvrunJSON(t, &b, append(args, "-t", "1")...)
	kvrunJSON(t, &greedy, append(args, "-temp", "0", "--math", "exact")...)
	if a.Generated != 12 || len(a.Tokens) != 12 || a.Stop != generate.StopLimit || a.Seed != 5 || a.Text == "" || a.PromptTokens == 0 || a.FirstMS <= 0 {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(a.Tokens, b.Tokens) {
		t.Errorf("the same seed gave %q and %q", a.Text, b.Text)
	}
	if a.Record.Math != "fast" || greedy.Record.Math != "exact" || a.Text == greedy.Text {
		t.Errorf("%q and %q", a.Text, greedy.Text)
	}
	code, out, stderr := kvrun("KING HENRY:\n", "run", "-f", "-", "-n", "12", "--temp", "0", "--math", "exact")
	if code != 0 || out != "KING HENRY:\n"+greedy.Text+"\n" || !strings.Contains(stderr, "cache K f16, V f16") {
		t.Errorf("exit %d, %q; JSON has %q; %s", code, out, greedy.Text, stderr)
	}
}

// TestContextFull goes on by dropping older text, or stops.
func TestContextFull(t *testing.T) {
	var r runResult
	for _, k := range []string{"f16", "q8_0", "turbo4"} {
		kvrunJSON(t, &r, "run", "-c", "24", "-n", "60", "--ignore-eos", "--json", "-ctk", k, "-ctv", k)
		if r.Shifts < 3 || r.Generated != 60 || r.Stop != generate.StopLimit {
			t.Errorf("%s: %d shifts, %d tokens, %s", k, r.Shifts, r.Generated, r.Stop)
		}
	}
	kvrunJSON(t, &r, "run", "-c", "24", "-n", "60", "--ignore-eos", "--json", "--no-context-shift")
	if r.Shifts != 0 || r.Stop != generate.StopFull || r.PromptTokens+r.Generated != 25 {
		t.Errorf("%d shifts, %d+%d tokens, %s", r.Shifts, r.PromptTokens, r.Generated, r.Stop)
	}
}

// TestFull says why less was generated than was asked for.
func TestFull(t *testing.T) {
	const full = "the context of 24 positions is full"
	for _, c := range []struct {
		args string
		says bool
	}{{"--no-context-shift", true}, {"--keep 24", false}, {"", false}} {
		args := append([]string{"run", "-c", "24", "-n", "40", "--ignore-eos"}, strings.Fields(c.args)...)
		if code, _, stderr := kvrun("", args...); code != 0 || strings.Contains(stderr, full) != c.says {
			t.Errorf("%s: exit %d: %s", c.args, code, stderr)
		}
	}
}

// TestDamagedWeights runs a model half of whose bytes are NaN. There is nothing to draw and nothing
// to measure.
func TestDamagedWeights(t *testing.T) {
	data, err := os.ReadFile(arches + "/llama_hd64/model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 4 * 2; i < len(data); i += 2 {
		data[i], data[i+1] = 0, 0x7e // of f16
	}
	path := write(t, "nan.gguf", string(data))
	for _, args := range [][]string{
		{"run", "-p", "hi", "-n", "4"}, {"run", "-p", "hi", "-n", "4", "--temp", "0"}, {"run", "-p", "hi", "-n", "4", "--repeat-penalty", "1.1"},
		{"ppl", "-c", "16", "--chunks", "1"}, {"ppl", "-c", "16", "--chunks", "1", "--json"},
	} {
		if code, _, stderr := kvrun("", append(args, "-m", path)...); code != 2 || !strings.Contains(stderr, "weights are damaged") {
			t.Errorf("%q: exit %d: %s", args, code, stderr)
		}
	}
}

// TestEndlessText stops reading at a limit.
func TestEndlessText(t *testing.T) {
	for limit, fails := range map[int64]bool{4: true, 5: false, 6: false} {
		if text, err := readAll(strings.NewReader("endless"[:5]), limit); (err != nil) != fails || !fails && text != "endle" {
			t.Errorf("limit %d: %q, %v", limit, text, err)
		}
	}
}

// TestChat keeps the history. What is cached is not run again, and a full context forgets the
// oldest turns.
func TestChat(t *testing.T) {
	talk := func(args ...string) []chatLine {
		t.Helper()
		code, out, stderr := kvrun("How are you?\n\nWho is king now?\nWhere is he?\nWhy?\n", append([]string{"chat", "--json", "--temp", "0", "-n", "10"}, args...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != 0 || len(lines) != 5 {
			t.Fatalf("exit %d, %d lines: %s", code, len(lines), stderr)
		}
		var r record
		if err := json.Unmarshal([]byte(lines[0]), &r); err != nil || len(r.Plan.Layers) != 6 || len(r.Notes) != 1 {
			t.Errorf("%v, %+v", err, r)
		}
		answers := make([]chatLine, 4)
		for i := range answers {
			if err := json.Unmarshal([]byte(lines[i+1]), &answers[i]); err != nil {
				t.Fatal(err)
			}
		}
		return answers
	}
	for i, a := range talk("-sys", "Speak like a king.") {
		if a.Role != "assistant" || a.Messages != 3+2*i || a.Gen > 10 || (i > 0) != (a.Run < a.Prompt) {
			t.Errorf("answer %d: %+v", i, a)
		}
	}
	for i, a := range talk("-c", "160") {
		if a.Prompt > 120 || i == 3 && a.Messages == 8 {
			t.Errorf("answer %d in a small context: %+v", i, a)
		}
	}
	if code, _, stderr := kvrun("/usr is a folder\n/stats now\n/clear\n", "chat", "-n", "1"); code != 0 || strings.Count(stderr, "is said to the model") != 1 ||
		!strings.Contains(stderr, "/stats is said to the model: commands are for a terminal") {
		t.Errorf("commands through a pipe: exit %d, %s", code, stderr)
	}
	if code, _, stderr := kvrun(strings.Repeat("word ", 300), "chat", "-c", "64"); code != 2 || !strings.Contains(stderr, "the context has 64") {
		t.Errorf("a turn too long: exit %d, %s", code, stderr)
	}
}

// TestFullWithoutShift: a model whose positions cannot be moved stops where its context ends, as
// with --no-context-shift.
func TestFullWithoutShift(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if code, _, stderr := kvrun("", "synth", "--arch", "gpt2", "--layers", "1", "--embd", "64", "-c", "24", "-o", path); code != 0 {
		t.Fatal(stderr)
	}
	var r runResult
	kvrunJSON(t, &r, "run", "-m", path, "-c", "24", "-p", "Once", "-n", "60", "--ignore-eos", "--json")
	if r.Shifts != 0 || r.Stop != generate.StopFull || r.PromptTokens+r.Generated != 25 {
		t.Errorf("%d shifts, %d+%d tokens, %s", r.Shifts, r.PromptTokens, r.Generated, r.Stop)
	}
}
