package regular

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func must(t *testing.T, e Expr, limit int) *DFA {
	t.Helper()
	d, err := Compile(nil, e, limit)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestUTF8: a set of characters accepts those characters in UTF-8 and nothing else.
func TestUTF8(t *testing.T) {
	for name, set := range map[string]Runes{
		"all": AnyRune(), "Latin": ranges(unicode.Latin), "Letter": ranges(unicode.L), "not Letter": ranges(unicode.L).Not(),
		"odd": {{'b', 'a'}, {0x7E, 0x81}, {0xD000, 0xE001}, {0xFFFF, 0x10000}, {0x10FFFF, 0x10FFFF}, {'a', 'c'}, {'b', 'd'}},
	} {
		d := must(t, set.UTF8(), MaxStates)
		normal := set.Normal()
		for r := rune(0); r <= utf8.MaxRune; r += 1 + r/3000 {
			if !utf8.ValidRune(r) {
				continue
			}
			if got := d.Match(string(r)); got != set.Has(r) || normal.Has(r) != got {
				t.Fatalf("%s: %U: %v", name, r, got)
			}
		}
		for _, bad := range []string{"", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "aa", "\xe2\x82"} {
			if d.Match(bad) {
				t.Errorf("%s: %q is accepted", name, bad)
			}
		}
	}
}

// TestPatterns compares with the regular expressions of the standard library, where the two
// languages agree, on random texts.
func TestPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range []string{
		"", "a", "^a", "a$", "^$", "^a|b$", "(^a|b)c", "a*b+c?", "^(?:ab|ba){2,3}$", "[^a-c]", `^[\w-]+$`, `\d{2}`, "a.c", "^.$", `^\p{Lu}\p{Ll}*$`, `[\-\]^]`, "(a|(b|(c)))+$", "^a*?$", `\x61é`, "a{0}b", "(?<x>a)b", "^^a$$", "a|^b|c$|", `\.\*\\`,
	} {
		std := regexp.MustCompile(strings.ReplaceAll(p, "(?<", "(?P<"))
		e, err := Pattern(nil, p, Runes.UTF8)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		d := must(t, e, 4096)
		for range 2000 {
			var text strings.Builder
			for range r.IntN(8) {
				text.WriteString([]string{"a", "b", "c", "a", "b", "é", "É", "1", "-", "]", "^", ".", "*", `\`, "\n", "z"}[r.IntN(16)])
			}
			if want := std.MatchString(text.String()); d.Match(text.String()) != want {
				t.Fatalf("%s on %q: want %v", p, text.String(), want)
			}
		}
	}
}

// TestRefusedPatterns: what is not regular, or is none of the language, has an error that names it.
func TestRefusedPatterns(t *testing.T) {
	for p, want := range map[string]string{
		"(?=a)": "look-ahead (?=...)", "(?!a)": "look-ahead (?!...)", "(?<=a)b": "look-behind (?<=...)", "(?<!a)b": "look-behind (?<!...)",
		`(a)\1`: `back reference \1`, `\k<x>`: `back reference \k`, `\bword`: `word boundary \b`, `\B`: `word boundary \B`, "(?i)a": "flags", "(a": "not closed", "a)": "not opened",
		"[a": "not closed", "[z-a]": "out of order", `[\d-z]`: "of classes", "*a": "nothing before it", "a{3,1}": "out of order", "a{99999}": "at most 4096", `\q`: `escape \q`, `\`: "escapes nothing",
		`\p{Emoji}`: "property", `\u12`: "hexadecimal", "\xff": "UTF-8", strings.Repeat("(", 300): "nest more than", strings.Repeat("a", 5000): "may have 4096", `\01`: "octal",
	} {
		if _, err := Pattern(nil, p, Runes.UTF8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", p, err, want)
		}
	}
}

// TestBounded: expressions that would be huge are refused in little time.
func TestBounded(t *testing.T) {
	large := Text("a")
	for range 10 {
		large = Repeat(large, 100, 100)
	}
	nothing := Expr{}
	for range 100 {
		nothing = Repeat(nothing, 1000, 1000)
	}
	deep := Text("a")
	for range 1000 {
		deep = Opt(deep)
	}
	explosive, err := Pattern(nil, "^(a|b)*a(a|b){20}$", Runes.UTF8)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for i, e := range []Expr{large, nothing, deep, explosive} {
		if _, err := Compile(nil, e, 1<<12); err == nil || !errors.As(err, new(TooLarge)) && !errors.Is(err, ErrNested) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("that took %v", d)
	}
	if _, err := Compile(nil, Alt(), 10); !errors.Is(err, ErrEmpty) {
		t.Errorf("a choice of nothing: %v", err)
	}
}

// TestDecimal compares with arithmetic, on all short numbers and on random ones.
func TestDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	rat := func() *big.Rat {
		switch r.IntN(4) {
		case 0:
			return nil
		case 1:
			return big.NewRat(int64(r.IntN(41)-20), 1)
		}
		return big.NewRat(int64(r.IntN(4001)-2000), []int64{1, 10, 100, 8}[r.IntN(4)])
	}
	var texts []string
	for n := -130; n <= 130; n++ {
		texts = append(texts, fmt.Sprint(n), fmt.Sprint(n)+".0", fmt.Sprintf("%.1f", float64(n)/10), fmt.Sprintf("%.2f", float64(n)/100), fmt.Sprintf("%.3f", float64(n)/8))
	}
	for range 400 {
		texts = append(texts, fmt.Sprintf("%d.%d", r.IntN(4000)-2000, r.IntN(2000)), fmt.Sprint(r.IntN(4000)-2000))
	}
	texts = append(texts, "", "-", "01", "-01", "1.", ".5", "1e5", "--1", "1.2.3", "+1", "-0", "-0.0", "0.0")
	for range 120 {
		n := Number{Integer: r.IntN(3) == 0, Min: rat(), Max: rat(), AboveMin: r.IntN(2) == 0, BelowMax: r.IntN(2) == 0, Digits: 6, Fraction: 5, NegativeZero: true}
		if r.IntN(3) == 0 {
			n.MultipleOf = []*big.Rat{big.NewRat(3, 1), big.NewRat(1, 2), big.NewRat(7, 100), big.NewRat(5, 2), big.NewRat(1, 10)}[r.IntN(5)]
		}
		d, err := Decimal(nil, n, MaxStates)
		if err != nil && !errors.Is(err, ErrEmpty) {
			t.Fatalf("%+v: %v", n, err)
		}
		for _, text := range texts {
			want, sure := n.has(text)
			if got := d != nil && d.Match(text); sure && got != want {
				t.Fatalf("%v to %v, above %v, below %v, multiple of %v, integer %v: %q: %v", n.Min, n.Max, n.AboveMin, n.BelowMax, n.MultipleOf, n.Integer, text, got)
			}
		}
	}
}

var spelling = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,5})?$`)

// has says whether a number is of n, and whether that is certain: zeros behind a multiple may be
// left out.
func (n *Number) has(text string) (has, sure bool) {
	if !spelling.MatchString(text) || n.Integer && (strings.Contains(text, ".") || text == "-0") {
		return false, text != "1e5"
	}
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		return false, true
	}
	low, high := 1, -1
	if n.Min != nil {
		low = v.Cmp(n.Min)
	}
	if n.Max != nil {
		high = v.Cmp(n.Max)
	}
	has = (low > 0 || low == 0 && !n.AboveMin) && (high < 0 || high == 0 && !n.BelowMax)
	if n.MultipleOf != nil {
		has = has && new(big.Rat).Quo(v, n.MultipleOf).IsInt()
		return has, !strings.HasSuffix(text, "0") || !strings.Contains(text, ".")
	}
	return has, true
}

// TestProducts compares what two automata make together with each alone, on random texts.
func TestProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	find := func(p string) *DFA {
		e, err := Pattern(nil, p, Runes.UTF8)
		if err != nil {
			t.Fatal(err)
		}
		return must(t, e, 4096)
	}
	item := must(t, Runes{{'a', 'c'}}.UTF8(), 10)
	for _, c := range [][2]string{{"^[ab]*$", "^a"}, {"^a*b*$", "ab"}, {"^(ab)*$", "^[ab]{3,9}$"}, {"c", "a"}} {
		a, b := find(c[0]), find(c[1])
		both, err := Intersect(nil, a, b, 4096)
		if err != nil {
			t.Fatal(err)
		}
		less, err := Minus(nil, a, b, 4096)
		if err != nil {
			t.Fatal(err)
		}
		if Disjoint(nil, a, b) || !Disjoint(nil, less, b) || !Disjoint(nil, less, both) {
			t.Errorf("%v: what is disjoint is not, or the reverse", c)
		}
		some, err := Limited(nil, must(t, Repeat(Of("abc"), 0, Unbounded), 10), item, 2, 4, 4096)
		if err != nil {
			t.Fatal(err)
		}
		quoted, err := Between(nil, '"', a, '"', 4096)
		if err != nil {
			t.Fatal(err)
		}
		then, err := Then(nil, quoted, b, 4096)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			text := make([]byte, r.IntN(7))
			for i := range text {
				text[i] = "abc"[r.IntN(3)]
			}
			s := string(text)
			inA, inB := a.Match(s), b.Match(s)
			for name, x := range map[string][2]bool{
				"both": {both.Match(s), inA && inB}, "minus": {less.Match(s), inA && !inB}, "limited": {some.Match(s), len(s) >= 2 && len(s) <= 4},
				"between": {quoted.Match(`"` + s + `"`), inA}, "then": {then.Match(`"` + s + `"` + s), inA && inB},
			} {
				if x[0] != x[1] {
					t.Fatalf("%v: %s of %q: %v", c, name, s, x[0])
				}
			}
		}
	}
}

// TestCount: counting beside an automaton is refused where a number of items cannot be reached.
func TestCount(t *testing.T) {
	item := must(t, Runes{{'a', 'z'}, {'é', 'é'}}.UTF8(), 10)
	for p, want := range map[string]bool{"^[a-zé]*$": true, "^(ab)*$": false, "é": true, "^a?$": false, "^a[b-z]*$": true, "^(a|bbb)*$": true, "^(aaa|bbb)+$": false} {
		e, err := Pattern(nil, p, Runes{{'a', 'z'}, {'é', 'é'}}.within)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Between(nil, '"', must(t, e, 100), '"', 100)
		if err != nil {
			t.Fatal(err)
		}
		if c := Count(nil, d, item); (c != nil) != want {
			t.Errorf("%s: %v", p, c != nil)
		} else if p == "é" && (c.Need[c.Step(0, '"')] != 1 || c.Need[c.Step(c.Step(0, '"'), 'a')] != 1) {
			t.Errorf("%s: needs %v", p, c.Need)
		}
	}
}

// within is those of the characters of a set that r has.
func (r Runes) within(set Runes) Expr { return append(r.Not(), set.Not()...).Not().UTF8() }

func FuzzPattern(f *testing.F) {
	f.Add(`^(?:[a-z\d]|\u00e9){2,}$`, "ab")
	f.Add(`\p{L}+|[^\x00-\x7f]?`, "é")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		e, err := Pattern(nil, pattern, Runes.UTF8)
		if err != nil {
			return
		}
		if d, err := Compile(nil, e, 500); err == nil && !utf8.ValidString(text) && d.Match(text) {
			t.Errorf("%q matches %q, which is no UTF-8", pattern, text)
		}
	})
}
