package generate

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
)

// TestBeforeTheGrammar: a text that is held from a place on does not end before it, however much
// the model wants that; and it ends when it is complete.
func TestBeforeTheGrammar(t *testing.T) {
	_, words := open(t, 16, 1)
	g, err := schema.Compile(t.Context(), grammar.NewVocabulary(words), []byte(`{"const": true}`))
	if err != nil {
		t.Fatal(err)
	}
	c := NewContinuation(words, Options{Limit: 50, Grammar: g})
	said := 0
	c.Begins = func(string) bool { said++; return said > 4 } // the first is before any token
	logits := make([]float32, words.Len())
	for _, id := range words.EOG() {
		logits[id] = 10
	}
	var text strings.Builder
	for c.Stop == "" {
		text.WriteString(c.Next(logits))
	}
	if c.Stop != StopEnd || said != 5 || !strings.HasSuffix(text.String(), "true") {
		t.Errorf("%q ended by %q, %v, asked %d times", text.String(), c.Stop, c.Err(), said)
	}
	if n := len(c.Tokens); n < 5 {
		t.Errorf("%d tokens", n)
	}
}
