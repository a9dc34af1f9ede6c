package chat

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

const dir = "../../testdata/"

// conversations are those that testdata/chat/NAME.json has the renderings of.
var conversations = map[string]struct {
	messages []Message
	generate bool
}{
	"system": {[]Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Hello!"}}, true},
	"plain":  {[]Message{{Role: "user", Content: " 2 < 3 & \"so\"?\n"}, {Role: "assistant", Content: "Yes."}, {Role: "user", Content: "Süß 日本"}}, true},
	"closed": {[]Message{{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "<think>\nhm\n</think>\n\nHello there"}}, false},
	"bad":    {[]Message{{Role: "assistant", Content: "I start"}, {Role: "assistant", Content: "twice"}}, true},
}

// file is the metadata of a small vocabulary with <s> and </s>, with another chat template.
type file struct {
	*gguf.File
	template string
}

func (f file) Str(name string) (string, bool, error) {
	if name == key {
		return f.template, f.template != "", nil
	}
	return f.File.Str(name)
}

func metadata(t testing.TB, vocab, template string) file {
	t.Helper()
	f, err := os.Open(dir + "vocab/" + vocab + ".gguf.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gguf.Parse(data, func(uint32) (int, int, bool) { return 0, 0, false })
	if err != nil {
		t.Fatal(err)
	}
	return file{g, template}
}

func load(t testing.TB, vocab, template string) (*Template, error) {
	t.Helper()
	m := metadata(t, vocab, template)
	tok, err := tokenizer.New(m)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := New(m, tok)
	if tmpl != nil {
		tmpl.now = func() time.Time { return time.Date(2025, 3, 9, 14, 5, 0, 0, time.UTC) }
	}
	return tmpl, err
}

// Renderings agree with Python's Jinja2 under the settings of Hugging Face's apply_chat_template.
func TestPublishedTemplates(t *testing.T) {
	paths, err := filepath.Glob(dir + "chat/*.jinja")
	if err != nil || len(paths) < 17 {
		t.Fatalf("%d templates, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".jinja")
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(strings.TrimSuffix(path, "jinja") + "json")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			tmpl, err := load(t, "tiny-llama", string(source))
			if err != nil {
				t.Fatal(err)
			}
			if tmpl.Fallback {
				t.Error("reported as a fallback")
			}
			for c, conversation := range conversations {
				got, err := tmpl.Prompt(conversation.messages, conversation.generate)
				if words, refused := strings.CutPrefix(want[c], "ERROR: "); refused {
					if err == nil || !strings.Contains(err.Error(), "refuses the conversation: "+words) {
						t.Errorf("%s: error %v, want %q", c, err, words)
					}
				} else if err != nil || got != want[c] {
					t.Errorf("%s: %v\n got %q\nwant %q", c, err, got, want[c])
				}
			}
		})
	}
}

func TestFallback(t *testing.T) {
	m := ofArchitecture{metadata(t, "tiny-llama", ""), "llama"}
	tok, err := tokenizer.New(m)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := New(m, tok)
	if err != nil {
		t.Fatal(err)
	}
	if !tmpl.Fallback {
		t.Error("not reported as a fallback")
	}
	got, err := tmpl.Prompt(conversations["system"].messages, true)
	want := "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n"
	if err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A template that writes the begin token and a vocabulary that adds it make one.
func TestTokens(t *testing.T) {
	for _, template := range []string{"{{ bos_token }}{{ messages[0].content }}", "{{ messages[0].content }}"} {
		tmpl, err := load(t, "tiny-llama", template)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := tmpl.Tokens([]Message{{Role: "user", Content: "the end"}}, true)
		if err != nil || len(ids) < 2 || ids[0] != tmpl.tok.BOS || ids[1] == tmpl.tok.BOS {
			t.Errorf("%s: %v, %v", template, ids, err)
		}
		if got := tmpl.tok.Decode(ids, false); got != "the end" {
			t.Errorf("%s: decodes to %q", template, got)
		}
	}
}
