package tokenizer

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
)

const vocabDir = "../../testdata/vocab/"

type vocabulary struct {
	name, file string
	pre        string // stands in for tokenizer.ggml.pre
}

// vocabularies are llama.cpp's test vocabularies: the name of the cases, the file, and what it says
// of itself.
var vocabularies = []vocabulary{
	{name: "deepseek-coder"}, {name: "gemma-4"}, {name: "gpt-2"}, {name: "llama-bpe"}, {name: "llama-spm"},
	{name: "phi-3"}, {name: "qwen2"},
	// The vocabulary published as qwen35 is that of qwen2 under another pre-tokeniser.
	{name: "qwen35", file: "qwen2", pre: "qwen35"},
}

// trimmed are the first merges of large vocabularies, which have cases in languages_test.go alone.
var trimmed = []string{"o200k-8k", "tekken-8k", "deepseek-v3-8k"}

// withPre is metadata with another pre-tokeniser.
type withPre struct {
	Metadata
	pre string
}

func (m withPre) Str(key string) (string, bool, error) {
	if key == keyPre {
		return m.pre, true, nil
	}
	return m.Metadata.Str(key)
}

// loaded keeps what the tests of one run have loaded; gemma-4 takes most of a second.
var loaded sync.Map

func load(t testing.TB, name string) *Tokenizer {
	t.Helper()
	return loadAs(t, name, Own)
}

func loadAs(t testing.TB, name string, r Rules) *Tokenizer {
	t.Helper()
	known := vocabularies
	for _, n := range trimmed {
		known = append(known, vocabulary{name: n})
	}
	for _, v := range known {
		if v.name != name {
			continue
		}
		once, _ := loaded.LoadOrStore(fmt.Sprint(name, r), sync.OnceValues(func() (*Tokenizer, error) {
			file := v.file
			if file == "" {
				file = v.name
			}
			m, err := readGzip(vocabDir + file + ".gguf.gz")
			if err != nil {
				return nil, err
			}
			if v.pre != "" {
				m = withPre{m, v.pre}
			}
			return Read(m, r)
		}))
		tok, err := once.(func() (*Tokenizer, error))()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	t.Fatalf("no vocabulary %q", name)
	return nil
}

func readGzip(path string) (Metadata, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	return gguf.Parse(data, func(uint32) (int, int, bool) { return 1, 1, true })
}

// tiny is a vocabulary of testdata/vocab/tiny-NAME.
func tiny(t testing.TB, name string, r Rules) *Tokenizer {
	t.Helper()
	m, err := readGzip(vocabDir + "tiny-" + name + ".gguf.gz")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Read(m, r)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

type textCase struct {
	text string
	ids  []int32
}

// cases reads NAME.inp and NAME.out, the format of llama.cpp's tests/test-tokenizer-0.
func cases(t testing.TB, name string) []textCase {
	t.Helper()
	return casesIn(t, name+".inp", name+".out")
}

func casesIn(t testing.TB, inp, ids string) []textCase {
	t.Helper()
	in, err := os.ReadFile(vocabDir + inp)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(vocabDir + ids)
	if err != nil {
		t.Fatal(err)
	}
	// between cases, and in most files after the last one too
	const separator = "\n__ggml_vocab_test__\n"
	texts := strings.Split(strings.TrimSuffix(string(in), separator), separator)
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(texts) != len(lines) {
		t.Fatalf("%s: %d texts, %d lines of ids", inp, len(texts), len(lines))
	}
	var all []textCase
	for i, text := range texts {
		all = append(all, textCase{text, numbers(t, lines[i])})
	}
	return all
}

func numbers(t testing.TB, line string) (ids []int32) {
	t.Helper()
	for _, f := range strings.Fields(line) {
		n, err := strconv.ParseInt(f, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(n))
	}
	return ids
}

// The cases are llama.cpp's, and so are the rules.
func TestPublishedCases(t *testing.T) {
	for _, v := range vocabularies {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			tok := loadAs(t, v.name, LlamaCpp)
			for _, c := range cases(t, v.name) {
				got := tok.Encode(c.text, false, false)
				if !slices.Equal(got, c.ids) {
					t.Errorf("Encode(%q)\n got %v\nwant %v", c.text, pieces(tok, got), pieces(tok, c.ids))
				}
				if back := tok.Decode(c.ids, true); back != c.text {
					t.Errorf("Decode(Encode(%q)) = %q", c.text, back)
				}
			}
		})
	}
}

func TestTinyVocabularies(t *testing.T) {
	text, err := os.ReadFile(vocabDir + "tiny.inp")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"llama", "gemma4", "gpt-2", "gpt-4o", "llama-bpe", "tekken", "qwen2", "qwen35", "starcoder"} {
		t.Run(name, func(t *testing.T) {
			tok := tiny(t, name, LlamaCpp)
			out, err := os.ReadFile(vocabDir + "tiny-" + name + ".out")
			if err != nil {
				t.Fatal(err)
			}
			got, want := tok.Encode(string(text), true, false), numbers(t, string(out))
			if !slices.Equal(got, want) {
				t.Errorf("Encode\n got %v\nwant %v", pieces(tok, got), pieces(tok, want))
			}
			if back := tok.Decode(got, false); back != string(text) {
				t.Errorf("Decode(Encode(text)) = %q", back)
			}
		})
	}
}

func pieces(tok *Tokenizer, ids []int32) string {
	var b bytes.Buffer
	for _, id := range ids {
		fmt.Fprintf(&b, "%d=%q ", id, tok.Piece(id))
	}
	return b.String()
}
