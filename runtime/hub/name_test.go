package hub

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"ggml-org/gemma-3-1b-it-GGUF":        "hf:ggml-org/gemma-3-1b-it-GGUF",
		"ggml-org/gemma-3-1b-it-GGUF:q4_0":   "hf:ggml-org/gemma-3-1b-it-GGUF:q4_0",
		"hf:o/m.x:UD-Q4_K_XL":                "hf:o/m.x:UD-Q4_K_XL",
		"hf.co/o/m:Q8_0":                     "hf:o/m:Q8_0",
		"https://huggingface.co/o/m":         "hf:o/m",
		"https://huggingface.co/o/m/":        "hf:o/m",
		"llama3.2":                           "ollama:library/llama3.2:latest",
		"llama3.2:1b-instruct-q4_K_M":        "ollama:library/llama3.2:1b-instruct-q4_K_M",
		"ollama:o/m:7b":                      "ollama:o/m:7b",
		"registry.ollama.ai/library/qwen3":   "ollama:library/qwen3:latest",
		"https://ollama.com/library/qwen3":   "ollama:library/qwen3:latest",
		"https://ollama.com/o/m:7b":          "ollama:o/m:7b",
		"https://example.org/a/x.gguf?sig=1": "https://example.org/a/x.gguf",
	} {
		n, err := Parse(in)
		if err != nil || n.String() != want {
			t.Errorf("%q is %q, %v; want %q", in, n, err, want)
			continue
		}
		if again, err := Parse(n.String()); n.Source != Address && (err != nil || again != n) {
			t.Errorf("%q is read again as %+v, %v", n, again, err)
		}
	}
	n, err := Parse("https://huggingface.co/o/m/blob/main/sub/x-Q8_0.gguf")
	if err != nil || n.File != "sub/x-Q8_0.gguf" || n.Revision != "main" {
		t.Errorf("a page of a file is %+v, %v", n, err)
	}
	for _, in := range []string{
		"", " ", "a b/c", "o/m/x", "../m", "o/..", "o/.", "hf:m", "o/m:", "o/m:a/b", "o/m:../x", "o/nul", "llama3:1b.", "ftp://host/x.gguf", "https://user:pw@host/x.gguf",
		"https://host/x.bin", "https://huggingface.co/o/m/tree/main", "https://huggingface.co/o/m/blob/main/../../x.gguf", "o\x00/m", "-o/m", strings.Repeat("a", 1001), "o/" + strings.Repeat("a", 97),
		"https://huggingface.co/o/m/resolve/main/x.gguf\n",
	} {
		if n, err := Parse(in); err == nil {
			t.Errorf("%q is taken as %+v", in, n)
		}
	}
}

func TestSafe(t *testing.T) {
	for _, name := range []string{"x.gguf", "a/b/x-00001-of-00002.gguf", "Größe.gguf", "com10x.gguf"} {
		if err := safe(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "/x", "../x", "a/../../x", "a//x", "./x", "a\\x", "c:x", "x\x00", "x\x1b[2J", "x\u202egguf", "nul", "NUL.gguf", "com1.gguf", "lpt9", "x.", "x ", "-x",
		"x.part", "x.gguf.kvrun.json", strings.Repeat("a/", 300) + "x", strings.Repeat("a", 201),
	} {
		if safe(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// FuzzName holds that whatever is read as a name lies below the folder, and is read again as the
// same.
func FuzzName(f *testing.F) {
	for _, s := range []string{"o/m:Q8_0", "llama3.2:1b", "https://huggingface.co/o/m/blob/main/x.gguf", "https://h/x.gguf?a#b", "hf:hf.co/o/m", "ollama:a/b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		c := &Client{Folder: "models"}
		if rel, err := filepath.Rel("models", c.folder(n)); err != nil || !filepath.IsLocal(rel) || safe(filepath.ToSlash(rel)) != nil {
			t.Fatalf("%q lies at %q", s, c.folder(n))
		}
		if again, err := Parse(n.String()); n.Source != Address && n.File == "" && (err != nil || again != n) {
			t.Fatalf("%q is %+v, and read again %+v, %v", s, n, again, err)
		}
	})
}
