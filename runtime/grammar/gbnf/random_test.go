package gbnf

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/regular"
)

// naive matches by trying: of a part and a place in a text, all places where it may end.
type naive struct {
	rules map[string]*rule
	text  string
	known map[naiveKey]map[int]bool
}

type naiveKey struct {
	p  *part
	at int
}

func (n *naive) ends(p *part, at int) map[int]bool {
	key := naiveKey{p, at}
	if done, ok := n.known[key]; ok {
		return done
	}
	out := map[int]bool{}
	switch p.op {
	case character:
		if at < len(n.text) && p.runes.Has(rune(n.text[at])) {
			out[at+1] = true
		}
	case reference:
		for e := range n.ends(n.rules[p.rule].is, at) {
			out[e] = true
		}
	case choice:
		for _, k := range p.kids {
			for e := range n.ends(k, at) {
				out[e] = true
			}
		}
	case sequence:
		now := map[int]bool{at: true}
		for _, k := range p.kids {
			now = n.each(k, now)
		}
		out = now
	case repetition:
		now := map[int]bool{at: true}
		most := p.max
		if most == regular.Unbounded {
			most = p.min + len(n.text) + 1
		}
		for i := 0; ; i++ {
			if i >= p.min {
				for e := range now {
					out[e] = true
				}
			}
			if i == most || len(now) == 0 {
				break
			}
			now = n.each(p.kids[0], now)
		}
	}
	n.known[key] = out
	return out
}

func (n *naive) each(p *part, from map[int]bool) map[int]bool {
	to := map[int]bool{}
	for at := range from {
		for e := range n.ends(p, at) {
			to[e] = true
		}
	}
	return to
}

// randomPart writes an expression over a, b and c. Where it is first in its rule it refers to later
// rules only, so that no rule begins with itself; nullable says that it may be nothing.
func randomPart(r *rand.Rand, depth, rule, rules int, first bool) string {
	switch k := r.IntN(9); {
	case k < 3 || depth == 0:
		return []string{`"a"`, `"b"`, "[ab]", "[^ab]", `"ab"`, `"ca"`, `[a-c]{1,2}`}[r.IntN(7)]
	case k == 3:
		to := rule + 1 + r.IntN(rules-rule)
		if !first {
			to = r.IntN(rules + 1)
		}
		return name(to)
	case k == 4:
		return "(" + randomPart(r, depth-1, rule, rules, first) + " | " + randomPart(r, depth-1, rule, rules, first) + ")"
	case k == 5:
		return "(" + randomPart(r, depth-1, rule, rules, first) + ")" + []string{"*", "+", "?", "{2}", "{1,3}", "{2,}"}[r.IntN(6)]
	case k == 6:
		return `"" `
	}
	// Only behind a character that must come may a rule refer back.
	return "(" + []string{`"a"`, `"b"`, "[bc]"}[r.IntN(3)] + " " + randomPart(r, depth-1, rule, rules, false) + " " + randomPart(r, depth-1, rule, rules, false) + ")"
}

func name(i int) string {
	if i == 0 {
		return "root"
	}
	return fmt.Sprintf("r%d", i)
}

// abc is a vocabulary of short texts of three letters.
type abc struct{}

var abcPieces = []string{"<end>", "a", "b", "c", "ab", "ba", "ca", "aa", "abc", "cab", "bb", "bab", "acaba"}

func (abc) Len() int                { return len(abcPieces) }
func (abc) Piece(id int32) string   { return abcPieces[id] }
func (abc) IsControl(id int32) bool { return id == 0 }
func (abc) EOG() []int32            { return []int32{0} }

// TestRandom compares random grammars with a matcher that tries everything: on all texts of up to
// five letters, whole and as beginnings. On the way masks are what trying every token says.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	v := grammar.NewVocabulary(abc{})
	texts := []string{""}
	for lo := 0; len(texts[lo]) < 5; lo++ {
		for _, c := range "abc" {
			texts = append(texts, texts[lo]+string(c))
		}
	}
	n := 400
	if testing.Short() {
		n = 60
	}
	made, yes := 0, 0
	for range n {
		const rules = 3
		var b strings.Builder
		for i := range rules + 1 {
			fmt.Fprintf(&b, "%s ::= ", name(i))
			if i == rules {
				b.WriteString(`"a" | "c" root? "b" | ""` + "\n")
				continue
			}
			b.WriteString(randomPart(r, 3, i, rules, true) + "\n")
		}
		text := b.String()
		g, err := Compile(t.Context(), v, text)
		if err != nil {
			if !strings.Contains(err.Error(), "left recursion") && !strings.Contains(err.Error(), "no text of the grammar ends") {
				t.Fatalf("%s%v", text, err)
			}
			continue
		}
		made++
		parsed, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]*rule{}
		for _, one := range parsed {
			by[one.name] = one
		}
		begins := map[string]bool{}
		for _, s := range texts {
			m := &naive{rules: by, text: s, known: map[naiveKey]map[int]bool{}}
			want := m.ends(by["root"].is, 0)[len(s)]
			state := g.Start()
			ok := state.AcceptText(s)
			if got := ok && state.Done(); got != want {
				t.Fatalf("%s%q: %v, want %v", text, s, got, want)
			}
			if want {
				yes++
				for i := range len(s) + 1 {
					begins[s[:i]] = true
				}
			}
			if ok && len(s) < 4 {
				compareAll(t, text, s, state)
			}
		}
		for s := range begins {
			if !g.Start().AcceptText(s) {
				t.Fatalf("%s%q begins a text and is refused", text, s)
			}
		}
	}
	if made < n/2 || yes < 5*made {
		t.Errorf("%d of %d grammars, %d texts", made, n, yes)
	}
	t.Logf("%d of %d grammars, %d texts", made, n, yes)
}

func compareAll(t *testing.T, text, before string, s *grammar.State) {
	t.Helper()
	m, err := s.Mask()
	if err == grammar.ErrStuck {
		t.Fatalf("%s%q is accepted and nothing follows", text, before)
	}
	if err != nil {
		t.Fatal(err)
	}
	for id := 1; id < len(abcPieces); id++ {
		if want := s.Clone().AcceptText(abcPieces[id]); m.Has(int32(id)) != want {
			t.Fatalf("%sbehind %q, %q: allowed %v, accepted %v", text, before, abcPieces[id], m.Has(int32(id)), want)
		}
	}
	if m.Has(0) != s.Done() {
		t.Fatalf("%sbehind %q the end is allowed: %v", text, before, m.Has(0))
	}
}
