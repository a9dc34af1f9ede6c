package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Encoding piece by piece equals merging over the whole text, also where tokens hold spaces in the
// middle.
func TestSPMPiecesEqualWhole(t *testing.T) {
	inner := goodSPM()
	inner[keyTokens] = []string{"<unk>", "a", "▁", "▁a", "a▁a", "b▁", "▁▁", "ab", "▁▁▁▁", "bb", "b"}
	inner[keyScores] = []float32{0, -1, -2, -3, -2.5, -1.5, -2.2, -4, -0.5, -6, -1}
	delete(inner, keyTokenTypes)
	made, err := New(inner)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, tok := range []*Tokenizer{made, load(t, "llama-spm")} {
		s := tok.encoder.(*spm)
		for range 3000 {
			var b strings.Builder
			for range r.IntN(30) {
				b.WriteByte("ab  the"[r.IntN(7)])
			}
			whole := s.encodeWord(nil, strings.ReplaceAll(b.String(), " ", lowerBlock), &merger{})
			if got := s.encode(nil, b.String(), &merger{}); !slices.Equal(got, whole) {
				t.Fatalf("%q: %s in pieces, %s as a whole", b.String(), pieces(tok, got), pieces(tok, whole))
			}
		}
	}
}
