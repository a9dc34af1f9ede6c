package schema

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// vocabularies are tokenizers of published models, by the name of their file.
var vocabularies sync.Map

func vocabulary(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	once, _ := vocabularies.LoadOrStore(name, sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
		f, err := os.Open("../../../testdata/vocab/" + name + ".gguf.gz")
		if err != nil {
			return nil, err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return nil, err
		}
		m, err := gguf.Parse(text, nil)
		if err != nil {
			return nil, err
		}
		return tokenizer.New(m)
	}))
	words, err := once.(func() (*tokenizer.Tokenizer, error))()
	if err != nil {
		t.Fatal(name, err)
	}
	return words
}

// measured is a schema and a value of it.
type measured struct {
	Name          string
	Schema, Value json.RawMessage
}

func readMeasured(t testing.TB) (all []measured) {
	t.Helper()
	f, err := os.Open("testdata/measured.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var m measured
		if err := json.Unmarshal(s.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestVocabularies: with the tokens of published models, byte-level or SentencePiece's, the values
// can be written as their own tokenizer cuts them, and masks are what trying every token says.
func TestVocabularies(t *testing.T) {
	for _, name := range []string{"gpt-2", "llama-bpe", "llama-spm", "gemma-4", "qwen2", "tekken-8k"} {
		words := *vocabulary(t, name)
		words.AddSpacePrefix = false // it stands before a text, and no space before a value
		v := grammar.NewVocabulary(&words)
		for i, m := range readMeasured(t) {
			if testing.Short() && i%4 > 0 {
				continue
			}
			g, err := Compile(t.Context(), v, m.Schema)
			if err != nil {
				t.Fatal(m.Name, err)
			}
			s, text := g.Start(), ""
			ids := words.Encode(string(m.Value), false, false)
			for k, id := range ids {
				allowed, err := s.Mask()
				if err != nil {
					t.Fatal(name, m.Name, err)
				}
				if i%6 == 0 && k == len(ids)/2 {
					compareMask(t, &words, s, allowed, text)
				}
				if !allowed.Has(id) {
					t.Fatalf("%s, %s: %q is not allowed behind %q", name, m.Name, words.Piece(id), text)
				}
				if err := s.Accept(id); err != nil {
					t.Fatal(err)
				}
				text += words.Piece(id)
			}
			if !s.Done() || text != string(m.Value) {
				t.Errorf("%s, %s: %q is not complete", name, m.Name, text)
			}
		}
	}
}
