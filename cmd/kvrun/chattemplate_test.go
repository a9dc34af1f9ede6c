package main

import (
	"os"
	"strings"
	"testing"
)

// TestChatTemplate talks in a format by name or from a file, says which one it takes for a model
// without a template, and refuses names that are none.
func TestChatTemplate(t *testing.T) {
	file := t.TempDir() + "/mine.jinja"
	if err := os.WriteFile(file, []byte("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"), 0o666); err != nil {
		t.Fatal(err)
	}
	gemma, llama := arches+"/gemma3/model.gguf", arches+"/llama_hd64/model.gguf"
	notes := map[string]int{}
	for name, args := range map[string][]string{
		"own": {gemma}, "gemma": {gemma, "--chat-template", "gemma"}, "GEMMA": {gemma, "--chat-template", "GEMMA"},
		"file": {gemma, "--chat-template", file}, "file flag": {gemma, "--chat-template-file", file},
	} {
		code, out, stderr := kvrun("", append([]string{"chat", "-p", "Hi", "-n", "1", "--temp", "0", "-v"}, args...)...)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s%s", name, code, out, stderr)
		}
		notes[name] = strings.Count(stderr, "no chat template")
	}
	if notes["own"] != 1 || notes["gemma"] != 0 || notes["file"] != 0 {
		t.Errorf("notes: %v", notes)
	}
	if _, _, stderr := kvrun("", "chat", gemma, "-p", "Hi", "-n", "1"); !strings.Contains(stderr, "--chat-template gemma") {
		t.Errorf("gemma3: %s", stderr)
	}
	if _, _, stderr := kvrun("", "chat", llama, "-p", "Hi", "-n", "1"); !strings.Contains(stderr, "in ChatML, which it may not know") {
		t.Errorf("llama: %s", stderr)
	}
	for _, c := range [][2]string{{"--chat-template=lama3", "did you mean llama3"}, {"--chat-template-file=/nowhere", "/nowhere"}} {
		if code, _, stderr := kvrun("", "chat", llama, "-p", "Hi", c[0]); code != 2 || !strings.Contains(stderr, c[1]) {
			t.Errorf("%s: exit %d: %s", c[0], code, stderr)
		}
	}
}
