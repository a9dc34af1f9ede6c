package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

func TestCompose(t *testing.T) {
	for text, want := range map[string]string{
		"":              "",
		"cafe\u0301":    "caf\u00e9",
		"e\u0323\u0302": "\u1ec7", "e\u0302\u0323": "\u1ec7",
		"\u1112\u1161\u11ab":  "\ud55c",
		"\u212b\u2126\u2f800": "\u00c5\u03a9\u2f800",
		"a\xff\u0301e\u0301":  "a\xff\u0301\u00e9",
		// A run of marks that the norm package would break.
		"e" + strings.Repeat("\u0301", 40):                   "\u00e9" + strings.Repeat("\u0301", 39),
		"x" + strings.Repeat("\u0302\u0323", 20) + "e\u0301": "x" + strings.Repeat("\u0323", 20) + strings.Repeat("\u0302", 20) + "\u00e9",
	} {
		if got := compose(text); got != want {
			t.Errorf("compose(%+q) = %+q, want %+q", text, got, want)
		}
	}
}

// Where the norm package breaks nothing, the own composition of long runs is the same.
func TestComposeRun(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	marks := []rune("\u0301\u0302\u0323\u031b\u0345\u0327\u1161\u11a8\u0f71\u0f72\u05b7\u064b\u3099\u0344")
	starters := []rune("aeo\u1ec7\u1100\uac00\u0915\u0fb2\u0cc6\u0cc2\u304b\u212b\u03b1")
	for range 20000 {
		text := []rune{starters[r.IntN(len(starters))]}
		for range r.IntN(9) {
			text = append(text, marks[r.IntN(len(marks))])
		}
		if got, want := string(composeRun(nil, string(text))), norm.NFC.String(string(text)); got != want {
			t.Fatalf("composeRun(%+q) = %+q, want %+q", string(text), got, want)
		}
	}
}

// Composing is linear in the text, whatever it is made of.
func TestComposeIsLinear(t *testing.T) {
	for _, unit := range []string{"e\u0301", "\u0301", "\u0302\u0323", "\u1161", "\u0344"} {
		start := time.Now()
		compose("e" + strings.Repeat(unit, 1<<18))
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%+q: %v", unit, d)
		}
	}
}
