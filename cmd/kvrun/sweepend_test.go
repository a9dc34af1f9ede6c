package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSweepReport goes from a sweep to the page, with conversations, engines and a recommendation
// on the way.
func TestSweepReport(t *testing.T) {
	page := filepath.Join(t.TempDir(), "out.html")
	code, out, stderr := kvrun("", "sweep", "-t", "2", "-c", "64", "--chunks", "6", "--cells", "f16,q8_0,q4_0,turbo2", "--by-layer", "q4_0", "--report", page,
		"--emit", "llama.cpp,ik,kvrun")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"safe      q8_0: 8.50 bits per value", "llama.cpp:\n  safe      LLAMA_ATTN_ROT_DISABLE=1 llama-server -m MODEL", "ik_llama.cpp:", "kvrun chat MODEL -ctk"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(stderr, page) {
		t.Errorf("where is the page? %s", stderr)
	}
	html, err := os.ReadFile(page)
	for _, want := range []string{"to be safe", "By layer and side: q4_0", "kvrun sweep -t 2 -c 64", "LLAMA_ATTN_ROT_DISABLE=1", "ik_llama.cpp"} {
		if err != nil || !strings.Contains(string(html), want) {
			t.Errorf("%v: the page does not say %q", err, want)
		}
	}
	if len(html) > 1<<20 {
		t.Errorf("the page has %d bytes", len(html))
	}
	var r sweepResult
	kvrunJSON(t, &r, "sweep", "--json", "-t", "2", "-c", "64", "--chunks", "2", "--cells", "q8_0")
	if len(r.Advice.Picks) != 0 || !strings.Contains(r.Advice.Because, "too few chunks: 2, want 6 (--chunks 6)") || len(r.Tables) != 1 {
		t.Errorf("%+v", r.Advice)
	}
}

func TestSweepChat(t *testing.T) {
	line := func(text string) string {
		j, err := json.Marshal(map[string]any{"messages": []map[string]string{{"role": "user", "content": text}, {"role": "assistant", "content": "Aye, my lord."}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(j) + "\n"
	}
	good := write(t, "chat.jsonl", strings.Repeat(line("Is the king come? Speak, and say what he would have."), 12))
	var r sweepResult
	kvrunJSON(t, &r, "sweep", "--json", "-t", "2", "-c", "64", "--chunks", "2", "--cells", "q8_0", "--chat", good)
	if len(r.Tables) != 1 || r.Tables[0].Corpus.Path != good || r.Tables[0].Corpus.Tokens < 128 || r.Tables[0].PPL <= 1 {
		t.Errorf("%+v", r.Tables)
	}
	for want, args := range map[string]string{
		"line 2":        "--chat " + write(t, "cut.jsonl", line("a")+`{"messages": [`),
		"no messages":   "--chat " + write(t, "none.jsonl", "{}\n"),
		"conversation":  "--chat " + write(t, "empty.jsonl", "\n"),
		"nowhere":       "--chat nowhere.jsonl",
		"no such engi":  "--emit vllm",
		"not a directo": "--report main.go/x.html",
		"a folder":      "--report " + t.TempDir(),
		"want a file":   "--report -",
	} {
		if code, _, stderr := kvrun("", append(strings.Fields("sweep -c 64 --chunks 1 --cells q8_0"), strings.Fields(args)...)...); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s", args, code, stderr)
		}
	}
}

// TestSweepBudget counts bits at another context than the one measured, keeps that and the warnings
// in the journal, and refuses to go on with another.
func TestSweepBudget(t *testing.T) {
	out := t.TempDir() + "/j.jsonl"
	args := []string{"sweep", "-t", "2", "-c", "64", "--chunks", "1", "--cells", "q8_0@4+16", "--out", out}
	var short, long sweepResult
	kvrunJSON(t, &short, "sweep", "--json", "-t", "2", "-c", "64", "--chunks", "1", "--cells", "q8_0@4+16")
	kvrunJSON(t, &long, append(args, "--json", "--budget-ctx", "8192")...)
	a, b := short.Tables[0].Cells[0], long.Tables[0].Cells[0]
	if !(a.BitsPerValue > 10 && b.BitsPerValue < 8.6) || a.KLD.Mean != b.KLD.Mean || long.BudgetContext != 8192 {
		t.Errorf("%g and %g bits, KLD %g and %g", a.BitsPerValue, b.BitsPerValue, a.KLD.Mean, b.KLD.Mean)
	}
	var shown sweepResult
	kvrunJSON(t, &shown, "sweep", "--json", "--show", out)
	if shown.Traits == nil || *shown.Traits != *long.Traits || strings.Join(shown.Advice.Warnings, "\n") != strings.Join(long.Advice.Warnings, "\n") {
		t.Errorf("%+v and %q shown, %+v and %q measured", shown.Traits, shown.Advice.Warnings, long.Traits, long.Advice.Warnings)
	}
	if _, text, _ := kvrun("", "sweep", "--show", out); !strings.Contains(text, "in a context of 8192 positions") {
		t.Errorf("the table does not say at what context bits are counted:\n%s", text)
	}
	if code, _, stderr := kvrun("", args...); code != 2 || !strings.Contains(stderr, "--budget-ctx") {
		t.Errorf("another context for bits: exit %d, %s", code, stderr)
	}
}
