package schema

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// group is a schema of the suite with values.
type group struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func readSuite(t *testing.T) (suite map[string][]group) {
	t.Helper()
	packed, err := os.ReadFile("testdata/suite.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&suite); err != nil {
		t.Fatal(err)
	}
	return suite
}

// mostOrders bounds the orders of names in which a value is tried.
const mostOrders = 2000

// spellings are the texts of a value with the names of its objects in every order, without space.
// Numbers and strings are written as the package writes them.
func spellings(v *value) []string {
	join := func(parts [][]string, open, end string) []string {
		all := []string{open}
		for i, p := range parts {
			var longer []string
			for _, before := range all {
				for _, s := range p {
					if i > 0 {
						s = "," + s
					}
					if longer = append(longer, before+s); len(longer) > mostOrders {
						return longer
					}
				}
			}
			all = longer
		}
		for i := range all {
			all[i] += end
		}
		return all
	}
	switch v.kind {
	case '"':
		return []string{spell(v.text)}
	case '0':
		return []string{digitsOf(v)}
	case '[':
		var parts [][]string
		for _, x := range v.list {
			parts = append(parts, spellings(x))
		}
		return join(parts, "[", "]")
	case '{':
		var members [][]string
		for i, x := range v.list {
			m := spellings(x)
			for k := range m {
				m[k] = spell(v.names[i]) + ":" + m[k]
			}
			members = append(members, m)
		}
		var all []string
		permute(members, 0, func(order [][]string) bool {
			all = append(all, join(order, "{", "}")...)
			return len(all) < mostOrders
		})
		return all
	case 'n':
		return []string{"null"}
	case 't':
		return []string{"true"}
	}
	return []string{"false"}
}

func permute(list [][]string, from int, use func([][]string) bool) bool {
	if from >= len(list)-1 {
		return use(list)
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		if !permute(list, from+1, use) {
			return false
		}
		list[from], list[i] = list[i], list[from]
	}
	return true
}

func complete(g *grammar.Grammar, text string) bool {
	s := g.Start()
	return s.AcceptText(text) && s.Done()
}

// narrower are how many valid values of a file of the suite are never written, and why: choices
// that docs/structured-output.md states.
var narrower = map[string]struct {
	values int
	why    string
}{
	"optional/bignum.json":           {4, "numbers of more than 19 digits"},
	"optional/float-overflow.json":   {1, "numbers of more than 19 digits"},
	"optional/format/date-time.json": {3, "leap seconds, and more than 9 digits of a second"},
	"optional/format/duration.json":  {1, "more than 9 digits"},
	"optional/format/email.json":     {5, "quotes, and addresses in brackets"},
	"optional/format/hostname.json":  {17, "labels of more than 31 characters, and hyphens side by side"},
	"optional/format/time.json":      {6, "leap seconds"},
	"optional/format/uri.json":       {3, "user names, hosts in brackets, and hyphens side by side"},
}

// TestSuite: of every schema that is not refused, valid values are accepted and no others.
func TestSuite(t *testing.T) {
	suite := readSuite(t)
	refused, missed, accepted, values := map[string]int{}, map[string]int{}, 0, 0
	for _, file := range slices.Sorted(maps.Keys(suite)) {
		for _, g := range suite[file] {
			compiled, err := Compile(t.Context(), small, g.Schema)
			var keyword *Error
			switch {
			case errors.As(err, &keyword):
				refused[keyword.Keyword]++
				continue
			case errors.Is(err, errNothing):
				compiled = nil
			case err != nil:
				refused[err.Error()]++
				continue
			}
			accepted++
			for _, c := range g.Tests {
				values++
				v, err := parse(c.Data)
				if err != nil {
					t.Fatal(err)
				}
				got := compiled != nil && slices.ContainsFunc(spellings(v), func(s string) bool { return complete(compiled, s) })
				switch {
				case c.Valid && !got:
					missed[file]++
				case got && !c.Valid:
					t.Errorf("%s: %s: %s: %.200s is accepted by %.200s", file, g.Description, c.Description, c.Data, g.Schema)
				}
			}
		}
	}
	for file := range missed {
		if missed[file] != narrower[file].values {
			t.Errorf("%s: %d valid values are refused, want %d", file, missed[file], narrower[file].values)
		}
	}
	if accepted < 190 {
		t.Errorf("%d schemas of the suite are accepted", accepted)
	}
	t.Logf("%d schemas with %d values", accepted, values)
	for _, k := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("refused: %s: %d", k, refused[k])
	}
}
