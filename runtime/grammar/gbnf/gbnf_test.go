package gbnf

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// bytesOnly is a vocabulary of all bytes and a few texts.
type bytesOnly struct{}

func (bytesOnly) Len() int { return 260 }
func (bytesOnly) Piece(id int32) string {
	if id < 256 {
		return string([]byte{byte(id)})
	}
	return []string{"<end>", "ab", "1+", "[["}[id-256]
}
func (bytesOnly) IsControl(id int32) bool { return id == 256 }
func (bytesOnly) EOG() []int32            { return []int32{256} }

var small = grammar.NewVocabulary(bytesOnly{})

const jsonGrammar = `
# JSON, as people write it in GBNF
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
`

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		grammar string
		yes, no []string
	}{
		{`root ::= "a" | "b" root`, []string{"a", "ba", "bbba"}, []string{"", "b", "ab", "aa"}},
		{`root ::= [a-cé]{2,3} "."?`, []string{"ab", "éé.", "abc"}, []string{"a", "abca", "d."}},
		{`root ::= .`, []string{"x", "€", "💩", "\n"}, []string{"", "xx", "\xff"}},
		{`root ::= "(" root ")" | ""`, []string{"", "()", "((()))"}, []string{"(", "())"}},
		{"root ::= x y\nx ::= \"a\"*\ny ::= \"b\"+ # more\n\n", []string{"b", "aab", "abb"}, []string{"a", "ba"}},
		{`root ::= expr
expr ::= term ([-+*/] term)*
term ::= [0-9]+ | "(" expr ")"`, []string{"1", "1+2", "(1+2)*3", "((7))"}, []string{"", "1+", "(1", "1 + 2"}},
		{`root ::= "\x41\u00e9\U0001F4A9\"\\\n"`, []string{"Aé💩\"\\\n"}, []string{"A"}},
		{`root ::= (("a"? "b"?)? )*`, []string{"", "ab", "bbaab"}, []string{"c"}},
		{`root ::= s s s
s ::= "x" s | ""`, []string{"", "xxxx"}, []string{"y"}},
		{jsonGrammar, []string{`{}`, `{"a": [1, {"b": null}, "x\u00e9"], "c": -1.5e3}`}, []string{`[]`, `{"a"}`, `{"a":1,}`}},
	} {
		g, err := Compile(t.Context(), small, c.grammar)
		if err != nil {
			t.Errorf("%s: %v", c.grammar, err)
			continue
		}
		for want, list := range map[bool][]string{true: c.yes, false: c.no} {
			for _, text := range list {
				s := g.Start()
				if got := s.AcceptText(text) && s.Done(); got != want {
					t.Errorf("%s: %q: %v", c.grammar, text, got)
				}
			}
		}
	}
}

// TestRefused: each mistake, and each thing that is not enforced, has one error with its line.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "there is no rule root",
		`rot ::= "a"`:                    "there is no rule root",
		"root ::= a\n":                   "line 1: rule a is not defined",
		"root ::= \"a\"\nroot ::= \"b\"": "line 2: rule root is defined twice",
		"root ::= root \"a\" | \"b\"":    "line 1: rule root may begin with itself: left recursion",
		"root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a \"y\" | \"z\"": "may begin with itself",
		"root ::= \"a":             "not closed",
		"root ::= [a":              "not closed",
		"root ::= (\"a\"":          "a group is not closed",
		"root ::= \"a\")":          "want the end of the line",
		"root ::= [z-a]":           "out of order",
		"root ::= \"a\"{3,2}":      "want {m}, {m,} or {m,n}",
		"root ::= \"a\"{99999999}": "at most 65536",
		"root ::= <[12]>":          "tokens by number or text",
		"root ::= !<think>":        "tokens by number or text",
		"root ::= \"\\q\"":         "is not known",
		"root = \"a\"":             "want ::=",
		"root ::= \"a\" root":      "no text of the grammar ends",
		"root ::= \"\xff\"":        "no UTF-8",
		"root ::= " + strings.Repeat("(", 200) + strings.Repeat(")", 200): "nest more than 100 deep",
		"root ::= [^\\x00-\\U0010FFFF]":                                   "has no characters",
	} {
		if _, err := Compile(t.Context(), small, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(jsonGrammar)
	f.Add(`root ::= ("a" | "b"{2,5})* [^x-z]+ root?`)
	f.Add("root ::= a a\na ::= b b b\nb ::= c{3} c\nc ::= [a-z]{100}")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := Compile(t.Context(), small, text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "gbnf: ") {
				t.Errorf("%v", err)
			}
			return
		}
		s := g.Start()
		for range 20 {
			m, err := s.Mask()
			if err != nil || s.Over() {
				return
			}
			for id := int32(0); ; id++ {
				if m.Has(id) {
					if err := s.Accept(id); err != nil {
						t.Fatalf("token %d is allowed and not accepted: %v", id, err)
					}
					break
				}
			}
		}
	})
}
