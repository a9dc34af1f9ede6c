package grammar_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/gbnf"
	"github.com/kvgen/kvgen/runtime/grammar/regular"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
)

// pieces is a vocabulary whose first token ends texts and whose second is no text.
type pieces []string

func (p pieces) Len() int                { return len(p) }
func (p pieces) Piece(id int32) string   { return p[id] }
func (p pieces) IsControl(id int32) bool { return id < 2 }
func (p pieces) EOG() []int32            { return []int32{0} }

func compile(t *testing.T, v *grammar.Vocabulary, text string) *grammar.Grammar {
	t.Helper()
	g, err := gbnf.Compile(t.Context(), v, text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// allowed is the texts of the tokens that a state allows, <end> for those that end it.
func allowed(t *testing.T, s *grammar.State, p pieces) string {
	t.Helper()
	m, err := s.Mask()
	if err != nil {
		return err.Error()
	}
	var all []string
	for id, text := range p {
		if m.Has(int32(id)) {
			all = append(all, fmt.Sprint(id, text))
		}
	}
	if len(all) != m.Count() {
		t.Errorf("%d tokens are counted of %q", m.Count(), all)
	}
	return strings.Join(all, " ")
}

// TestMask: tokens with the same text, without text, of no text, too long, and those that cross
// from one part of a grammar to the next.
func TestMask(t *testing.T) {
	p := pieces{"<end>", "<control>", "a", "a", "", "ab", "b", "bc", "abc", strings.Repeat("a", 600), "c", "\xc3", "\xa9", "<control>", "é", "aé"}
	v := grammar.NewVocabulary(p)
	g := compile(t, v, `root ::= "a"+ ("b" root)? | "é"`)
	s := g.Start()
	for _, step := range []struct {
		want  string
		token int32
	}{
		{"2a 3a 5ab 11\xc3 14é", 3}, {"0<end> 2a 3a 5ab 6b", 5}, {"2a 3a 5ab 11\xc3 14é", 11}, {"12\xa9", 12}, {"0<end>", 0},
	} {
		if got := allowed(t, s, p); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
		if err := s.Accept(step.token); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Over() || s.AcceptText("a") {
		t.Error("a text goes on behind its end")
	}
	for _, id := range []int32{-1, 1, 4, 9, 10, 11, 99} {
		s := g.Start()
		if id == 11 {
			continue
		}
		if err := s.Accept(id); err == nil {
			t.Errorf("token %d is accepted", id)
		}
		if _, err := s.Mask(); err == nil {
			t.Errorf("a text goes on behind token %d, which was refused", id)
		}
	}
}

// TestOpen: a text may end within an open terminal, and not at its end where something has to
// follow.
func TestOpen(t *testing.T) {
	p := pieces{"<end>", "<control>", "a", "!", "a!", "b", "!bc", "c"}
	d, err := regular.Compile(nil, regular.Seq(regular.Repeat(regular.Text("a"), 0, regular.Unbounded), regular.Text("!")), 10)
	if err != nil {
		t.Fatal(err)
	}
	tail, err := regular.Compile(nil, regular.Text("bc"), 10)
	if err != nil {
		t.Fatal(err)
	}
	b := grammar.NewBuilder(grammar.NewVocabulary(p), nil)
	g, err := b.Finish(b.Seq(b.Open(d), b.Terminal(tail)))
	if err != nil {
		t.Fatal(err)
	}
	s := g.Start()
	for _, step := range []struct {
		want  string
		token int32
	}{{"0<end> 2a 3! 4a! 6!bc", 2}, {"0<end> 2a 3! 4a! 6!bc", 4}, {"5b", 5}, {"7c", 7}, {"0<end>", 0}} {
		if got := allowed(t, s, p); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
		if err := s.Accept(step.token); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStuck: where no token continues a text, or a text has too many readings, that is an error.
func TestStuck(t *testing.T) {
	p := pieces{"<end>", "<control>", "a", "b"}
	s := compile(t, grammar.NewVocabulary(p), `root ::= "a" "c"`).Start()
	if err := s.Accept(2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mask(); !errors.Is(err, grammar.ErrStuck) {
		t.Errorf("%v", err)
	}
	s = compile(t, grammar.NewVocabulary(p), "root ::= x x x x x x \"b\"\nx ::= \"a\" x | \"a\" x \"a\" x | \"\"").Start()
	var err error
	for range 2000 {
		if _, err = s.Mask(); err != nil {
			break
		}
		if err = s.Accept(2); err != nil {
			break
		}
	}
	if !errors.Is(err, grammar.ErrAmbiguous) {
		t.Errorf("%v", err)
	}
	if s.AcceptText("a") || s.Done() {
		t.Error("it goes on")
	}
}

// TestDepth: a text may nest as deeply as the stack has room, and what is open can always be
// closed.
func TestDepth(t *testing.T) {
	p := pieces{"<end>", "<control>", `[`, `]`, `{"a":`, `}`, "1", ","}
	v := grammar.NewVocabulary(p)
	g, err := schema.Compile(t.Context(), v, []byte(`{"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}}, {"const": 1},
		{"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"], "additionalProperties": false}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []int32{2, 4} {
		s, depth := g.Start(), 0
		for {
			m, err := s.Mask()
			if err != nil {
				t.Fatal(err)
			}
			if !m.Has(open) {
				break
			}
			if err := s.Accept(open); err != nil {
				t.Fatal(err)
			}
			depth++
		}
		if depth < 200 || depth > grammar.MaxDepth {
			t.Errorf("%q: %d deep", p[open], depth)
		}
		for !s.Done() {
			m, err := s.Mask()
			if err != nil {
				t.Fatalf("%q: %v, with %d open", p[open], err, depth)
			}
			for _, id := range []int32{3, 5, 6} {
				if m.Has(id) {
					if err := s.Accept(id); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
		}
	}
}

// TestClone: what becomes of a copy does not change the state.
func TestClone(t *testing.T) {
	p := pieces{"<end>", "<control>", "a", "b"}
	s := compile(t, grammar.NewVocabulary(p), `root ::= "a" [ab]{0,2}`).Start()
	if err := s.Accept(2); err != nil {
		t.Fatal(err)
	}
	want := allowed(t, s, p)
	c := s.Clone()
	for range 2 {
		if err := c.Accept(3); err != nil {
			t.Fatal(err)
		}
	}
	if got := allowed(t, s, p); got != want || !c.Over() || s.Over() {
		t.Errorf("%q, %q before; the copy is over: %v", got, want, c.Over())
	}
}

// TestMemory: masks are the same when nothing may be kept, and what is kept stays within its bound.
func TestMemory(t *testing.T) {
	p := pieces{"<end>", "<control>"}
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			p = append(p, string([]rune{a, b}), string([]rune{b, ' ', a}))
		}
	}
	large, none, tight := grammar.NewVocabulary(p), grammar.NewVocabulary(p), grammar.NewVocabulary(p)
	none.SetMemory(0)
	tight.SetMemory(3000)
	for _, text := range []string{`root ::= [a-m ]* "x" [a-z]* " y"`, `root ::= ("ab" | [c-z] " ")+`} {
		var states []*grammar.State
		for _, v := range []*grammar.Vocabulary{large, none, tight} {
			states = append(states, compile(t, v, text).Start())
		}
		for range 6 {
			want := allowed(t, states[0], p)
			for _, s := range states[1:] {
				if got := allowed(t, s, p); got != want {
					t.Fatalf("%q, want %q", got, want)
				}
			}
			m, _ := states[0].Mask()
			id := int32(2)
			for !m.Has(id) {
				id++
			}
			for _, s := range states {
				if err := s.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if large.Memory() == 0 || none.Memory() != 0 || tight.Memory() > 3000 {
		t.Errorf("%d, %d and %d bytes are kept", large.Memory(), none.Memory(), tight.Memory())
	}
}

// TestShared: any number of goroutines may use one grammar, also while sets are dropped.
func TestShared(t *testing.T) {
	p := pieces{"<end>", "<control>", "a", "b", "ab", "ba", "aa"}
	v := grammar.NewVocabulary(p)
	g := compile(t, v, `root ::= ([ab]{3} | "aab" root)+`)
	want := allowed(t, g.Start(), p)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				if i == 0 {
					v.SetMemory(0)
					v.SetMemory(1 << 20)
				}
				if got := allowed(t, g.Start(), p); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// TestCache: the grammars used last stay, within the budget.
func TestCache(t *testing.T) {
	p := pieces{"<end>", "<control>", "a"}
	v := grammar.NewVocabulary(p)
	made := 0
	get := func(c *grammar.Cache, text string) *grammar.Grammar {
		g, err := c.Get("gbnf", text, func() (*grammar.Grammar, error) { made++; return gbnf.Compile(t.Context(), v, text) })
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	one := compile(t, v, `root ::= "a"`).Bytes()
	c := grammar.NewCache(2*one + one/2)
	a := get(c, `root ::= "a"`)
	get(c, `root ::= "b"`)
	if get(c, `root ::= "a"`) != a || made != 2 {
		t.Errorf("%d were made", made)
	}
	get(c, `root ::= "c"`) // b goes
	if get(c, `root ::= "a"`) != a || made != 3 {
		t.Errorf("%d were made", made)
	}
	if get(c, `root ::= "b"`); made != 4 {
		t.Errorf("%d were made", made)
	}
	if get(grammar.NewCache(0), `root ::= "a"`); made != 5 {
		t.Errorf("%d were made", made)
	}
	if _, err := c.Get("gbnf", "x", func() (*grammar.Grammar, error) { return nil, errors.New("no") }); err == nil {
		t.Error("an error is kept for a grammar")
	}
}

// TestBuilder: what exceeds a bound is an error of Finish.
func TestBuilder(t *testing.T) {
	d, err := regular.Compile(nil, regular.Text("abcdefgh"), 10)
	if err != nil {
		t.Fatal(err)
	}
	v := grammar.NewVocabulary(pieces{"<end>", "<control>", "a"})
	for want, build := range map[string]func(b *grammar.Builder) grammar.Node{
		"a choice of nothing":   func(b *grammar.Builder) grammar.Node { return b.Alt() },
		"a count may be":        func(b *grammar.Builder) grammar.Node { return b.Repeat(b.Terminal(d), 0, 1<<30) },
		"rule x is not defined": func(b *grammar.Builder) grammar.Node { return b.Seq(b.Terminal(d), b.Rule("x")) },
		"more than 65536 parts": func(b *grammar.Builder) (n grammar.Node) {
			for range 1 << 17 {
				n = b.Opt(n)
			}
			return n
		},
		"more than 262144 states": func(b *grammar.Builder) (n grammar.Node) {
			for range 1 << 18 {
				n = b.Terminal(d)
			}
			return n
		},
		"which is left recursion": func(b *grammar.Builder) grammar.Node {
			r := b.Rule("x")
			b.Define(r, b.Seq(b.Opt(b.Terminal(d)), r))
			return r
		},
		"no text of the grammar ends": func(b *grammar.Builder) grammar.Node {
			r := b.Rule("x")
			b.Define(r, b.Seq(b.Terminal(d), r))
			return r
		},
	} {
		b := grammar.NewBuilder(v, nil)
		if _, err := b.Finish(build(b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	b := grammar.NewBuilder(v, nil)
	var many []grammar.Node
	for range 2000 {
		many = append(many, b.Terminal(d))
	}
	g, err := b.Finish(b.Alt(many...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Start().Mask(); !errors.Is(err, grammar.ErrAmbiguous) {
		t.Errorf("2000 parts begin with one byte: %v", err)
	}
}
