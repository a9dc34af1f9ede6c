package schema

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// qwen is the tokenizer of Qwen 2, which has 151,936 tokens.
var qwen = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	f, err := os.Open("../../../testdata/vocab/qwen2.gguf.gz")
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
})

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

// times are those of the masks of one text.
func times(t testing.TB, g *grammar.Grammar, ids []int32) (all []time.Duration) {
	s := g.Start()
	for i := 0; ; i++ {
		begin := time.Now()
		m, err := s.Mask()
		all = append(all, time.Since(begin))
		switch {
		case err != nil:
			t.Fatal(err)
		case i == len(ids):
			return all
		case !m.Has(ids[i]):
			t.Fatalf("token %d of the value, %d, is not allowed", i, ids[i])
		}
		if err := s.Accept(ids[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func share(all []time.Duration, p float64) float64 {
	slices.Sort(all)
	return float64(all[int(p*float64(len(all)-1))]) / 1000
}

// TestMeasure prints the table of docs/structured-output.md.
func TestMeasure(t *testing.T) {
	if testing.Short() || !testing.Verbose() {
		t.Skip("it measures: go test -run TestMeasure -v")
	}
	words, err := qwen()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	v := grammar.NewVocabulary(words)
	fmt.Printf("%d tokens: %.0f ms for the trie\n", v.Len(), time.Since(begin).Seconds()*1000)
	for _, m := range readMeasured(t) {
		v := grammar.NewVocabulary(words)
		begin := time.Now()
		g, err := Compile(v, m.Schema)
		if err != nil {
			t.Fatal(m.Name, err)
		}
		compile := time.Since(begin)
		ids := words.Encode(string(m.Value), false, false)
		cold := times(t, g, ids)
		var warm []time.Duration
		for range 20 {
			warm = append(warm, times(t, g, ids)...)
		}
		fmt.Printf("| %s | %d | %.1f | %.0f | %.0f | %.0f | %.0f | %.0f | %.1f |\n", m.Name, len(ids), compile.Seconds()*1000, share(cold, .5), share(cold, 1),
			share(warm, .5), share(warm, .99), share(warm, 1), float64(v.Memory())/(1<<20))
	}
}
