package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
)

// TestPromptCache runs a prompt once and goes on from its cache.
func TestPromptCache(t *testing.T) {
	dir := t.TempDir()
	recurrent := arches + "/qwen35/model.gguf"
	const prompt = "KING HENRY:\nOnce more unto the breach, dear friends, once more;"
	for name, flags := range map[string][]string{
		"f16": nil, "few bits": {"-ctk", "q8_0", "-ctv", "lm4_64", "--keep-first", "2", "--keep-last", "6"}, "recurrent": {"-m", recurrent},
	} {
		file := filepath.Join(dir, name)
		do := func(prompt string, args ...string) (r runResult) {
			t.Helper()
			kvrunJSON(t, &r, append(append([]string{"run", "-p", prompt, "-n", "10", "--temp", "0", "--math", "exact", "--json", "-b", "8", "--ignore-eos"}, flags...), args...)...)
			return r
		}
		alone := do(prompt)
		first := do(prompt, "--prompt-cache", file)
		if first.Reused != 0 || first.Text != alone.Text {
			t.Errorf("%s, first: %d reused, %q, alone %q", name, first.Reused, first.Text, alone.Text)
		}
		again := do(prompt, "--prompt-cache", file)
		if again.Reused != again.PromptTokens-1 || again.Text != alone.Text {
			t.Errorf("%s, again: %d of %d reused, %q, alone %q", name, again.Reused, again.PromptTokens, again.Text, alone.Text)
		}
		longer := do(prompt+" or close", "--prompt-cache", file, "--prompt-cache-ro")
		if more := do(prompt + " or close"); longer.Reused < again.Reused-1 || longer.Text != more.Text {
			t.Errorf("%s, longer: %d of %d reused, %q, alone %q", name, longer.Reused, longer.PromptTokens, longer.Text, more.Text)
		}
		several := do(prompt, "--prompt-cache", file, "-np", "3", "-c", "300")
		if several.Reused != again.Reused || several.Parallel[2].Text != alone.Text {
			t.Errorf("%s, several: %d reused, %q", name, several.Reused, several.Parallel[2].Text)
		}
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other := do("QUEEN:\n", "--prompt-cache", file, "--prompt-cache-ro")
		if after, err := os.ReadFile(file); other.Reused >= other.PromptTokens || err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: a file that is only read changed", name)
		}
		// What was generated is kept too. Of several sequences it is the first, whose pages are
		// between those of others.
		all := do(prompt, "--prompt-cache", file, "--prompt-cache-all", "-np", "3", "-n", "90")
		on := do(prompt+all.Text, "--prompt-cache", file, "--prompt-cache-ro")
		// Random text is not cut as it was generated.
		if name != "recurrent" && on.Reused <= again.PromptTokens+20 {
			t.Errorf("%s: %d tokens kept of %d and %d", name, on.Reused, again.PromptTokens, len(all.Tokens))
		}
	}
	f16 := filepath.Join(dir, "f16")
	if code, _, stderr := kvrun("", "run", "-p", prompt, "-n", "1", "--math", "fast", "--prompt-cache", f16, "--prompt-cache-ro"); code != 0 ||
		!strings.Contains(stderr, "depend on how a prompt falls into batches") || !strings.Contains(stderr, "were computed by exact math on ") {
		t.Errorf("exit %d, no notes: %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "run", "-p", prompt, "-n", "1", "--prompt-cache", dir); code != 2 || !strings.Contains(stderr, "is a folder") {
		t.Errorf("a folder: exit %d, %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "run", "-p", prompt, "-n", "1", "--prompt-cache", write(t, "empty", ""), "--prompt-cache-ro"); code != 0 || !strings.Contains(stderr, "is empty: nothing is read") {
		t.Errorf("an empty file: exit %d, %s", code, stderr)
	}
	data, err := os.ReadFile(f16)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{`layer 0, K: type "f16" and this cache has "q8_0"`, []string{"--prompt-cache", f16, "-ctk", "q8_0"}},
		{`last rows exact 0 and this cache has 4`, []string{"--prompt-cache", f16, "--keep-last", "4"}},
		{`it was made with another model, "one in memory" (general.name "kvgen demo"); this is "model.gguf"`, []string{"--prompt-cache", f16, "-m", recurrent}},
		{"--ctx-size", []string{"--prompt-cache", f16, "-c", "30"}},
		{"damaged", []string{"--prompt-cache", write(t, "cut", string(data[:len(data)/2]))}},
		{"cut or damaged", []string{"--prompt-cache", write(t, "short", string(data[:20]))}},
		{"its checksum differs", []string{"--prompt-cache", write(t, "long", string(data)+"x")}},
		{"it is no prompt cache", []string{"--prompt-cache", write(t, "text", "To be or not to be"), "--prompt-cache-ro"}},
	} {
		code, _, stderr := kvrun("", append([]string{"run", "-p", "x", "-n", "1"}, c.args...)...)
		if code != 1 || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, "--prompt-cache "+c.args[1]) {
			t.Errorf("exit %d, want 1 with %q: %s", code, c.says, stderr)
		}
	}
	empty := write(t, "empty", "") // as mktemp makes it
	if code, _, stderr := kvrun("", "run", "-p", "x", "-n", "1", "--prompt-cache", empty); code != 0 {
		t.Errorf("an empty file: exit %d, %s", code, stderr)
	}
	if data, _ := os.ReadFile(empty); !strings.HasPrefix(string(data), "kvrunPC2") {
		t.Error("an empty file was not written")
	}
}

// talk is the answers of a chat.
func talk(t *testing.T, lines string, args ...string) (all []chatLine) {
	t.Helper()
	code, out, stderr := kvrun(lines, append([]string{"chat", "--json", "--temp", "0", "-n", "12"}, args...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		var a chatLine
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// TestChatPromptCache begins a conversation with what the last one left.
func TestChatPromptCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache")
	args := []string{"-sys", "Speak like a king of England in the time of the wars.", "--prompt-cache", file}
	first := talk(t, "Who is king?\n", args...)
	second := talk(t, "Who is king?\nWhy?\n", args...)
	if first[0].Run != first[0].Prompt || second[0].Run != 1 || second[0].Content != first[0].Content {
		t.Errorf("first %+v, then %+v", first, second)
	}
	if third := talk(t, "Where?\n", args...); third[0].Run >= third[0].Prompt/2 {
		t.Errorf("of another turn %+v", third)
	}
}

// TestChatCheckpoint tells a model that cannot go back in its cache another answer than it gave, as
// a template does that leaves out thinking. The conversation before the answer is not run again.
// The next answer is that of a fresh context.
func TestChatCheckpoint(t *testing.T) {
	for _, arch := range []string{"qwen35", "gemma3", "gptoss", "llama_hd64"} {
		e := &environment{ctx: context.Background(), stderr: io.Discard, lookup: os.LookupEnv}
		var m modelFlags
		var f sampleFlags
		fs := newFlags("chat")
		f.add(fs, 12)
		m.add(fs, model.Exact)
		m.templateFlag(fs)
		// A format that keeps answers as they are: one that trims them has to run their ends again.
		if err := fs.Parse([]string{"-b", "8", "--temp", "0", "--ignore-eos", "--chat-template", "chatml"}); err != nil {
			t.Fatal(err)
		}
		if err := m.check(e, []string{arches + "/" + arch + "/model.gguf"}); err != nil {
			t.Fatal(err)
		}
		s, err := e.open(&m)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		start := func() *generate.Conversation {
			template, err := s.template()
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.generation(&f, s.checkpoints())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(g.Context.Close)
			return &generate.Conversation{Sequence: g, Template: template}
		}
		ask := func(v *generate.Conversation, turn string) generate.Answer {
			t.Helper()
			a, err := v.Say(t.Context(), turn, func(string, []chat.Part) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		v, fresh := start(), start()
		first := ask(v, "Tell me about the king and the queen of this land, and about all of their sons.")
		v.Messages[1].Content = "He is well."
		second := ask(v, "And the queen?")
		if ran := first.Prompt - (second.Prompt - second.Run); ran > 40 {
			t.Errorf("%s: of %d tokens of the conversation before the answer %d were run again", arch, first.Prompt, ran)
		}
		fresh.Messages = v.Messages[:2:2]
		if want := ask(fresh, "And the queen?"); second.Content != want.Content || want.Run != want.Prompt {
			t.Errorf("%s: %q, in a fresh context %q", arch, second.Content, want.Content)
		}
		if third := ask(v, "Why?"); third.Run > third.Prompt-second.Prompt {
			t.Errorf("%s: %d tokens of %d run, %d were there", arch, third.Run, third.Prompt, second.Prompt)
		}
	}
}
