package schema

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of a schema's text.
const (
	MaxText  = 1 << 20 // bytes
	maxDepth = 100     // of objects and arrays
	maxDigit = 100     // bytes of a number
	maxPower = 400     // of ten, of a number
	maxStep  = 128     // bytes of a name that a message gives
	manyName = 8       // names from which on they are looked up
)

// value is a JSON value. Objects keep their order.
type value struct {
	kind    jsontext.Kind // as jsontext has them: n t f " 0 { [
	text    string        // of a string
	number  *big.Rat
	spelled string // a number as it was written
	names   []string
	list    []*value       // of an array, or beside names
	index   map[string]int // of names where they are many
	size    int            // values in it, and itself

	within *value // nil for a schema
	step   string // from there; of a schema, what its place is called
}

// at is where a value stands: a JSON pointer as a fragment, in which long names are cut.
func (v *value) at() string {
	if v.within == nil {
		return v.step
	}
	step := v.step
	if len(step) > maxStep {
		step = strings.ToValidUTF8(step[:maxStep], "") + "..."
	}
	return v.within.at() + "/" + pointerEscapes.Replace(step)
}

// parse reads a text of one value.
func parse(text []byte) (*value, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("schema: it has %d bytes, and may have %d", len(text), MaxText)
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := read(d, nil, "#", 0)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if k := d.PeekKind(); k != 0 {
		return nil, errors.New("schema: something follows the value")
	}
	if _, err := d.ReadToken(); err == nil || !strings.Contains(err.Error(), "EOF") {
		return nil, errors.New("schema: something follows the value")
	}
	return v, nil
}

func read(d *jsontext.Decoder, within *value, step string, depth int) (*value, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	v := &value{kind: t.Kind(), size: 1, within: within, step: step}
	switch v.kind {
	case '"':
		v.text = t.String()
	case '0':
		v.spelled = t.String()
		v.number, err = rational(v.spelled)
		return v, err
	case '{', '[':
		if depth >= maxDepth {
			return nil, fmt.Errorf("%s: objects and arrays nest more than %d deep", v.at(), maxDepth)
		}
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			step := strconv.Itoa(len(v.list))
			if v.kind == '{' {
				name, err := d.ReadToken()
				if err != nil {
					return nil, err
				}
				step = name.String()
				v.names = append(v.names, step)
			}
			item, err := read(d, v, step, depth+1)
			if err != nil {
				return nil, err
			}
			v.list = append(v.list, item)
			v.size += item.size
		}
		if _, err = d.ReadToken(); len(v.names) > manyName {
			v.index = make(map[string]int, len(v.names))
			for i, n := range v.names {
				v.index[n] = i
			}
		}
	}
	return v, err
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

// rational reads a number, but not one whose digits would take much memory.
func rational(text string) (*big.Rat, error) {
	_, power, _ := strings.Cut(strings.ToLower(text), "e")
	if n, err := strconv.Atoi(power); len(text) > maxDigit || power != "" && (err != nil || n > maxPower || n < -maxPower) {
		return nil, fmt.Errorf("the number %.40s has more than %d characters, or a power of ten beyond %d", text, maxDigit, maxPower)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%.40s is no number", text)
	}
	return r, nil
}

// get is the value of a name, nil where there is none.
func (v *value) get(name string) *value {
	if v.index != nil {
		if i, ok := v.index[name]; ok {
			return v.list[i]
		}
		return nil
	}
	for i, n := range v.names {
		if n == name {
			return v.list[i]
		}
	}
	return nil
}

// equal says whether two values are the same by JSON Schema: numbers by what they are, objects in
// any order.
func equal(a, b *value) bool {
	if a.kind != b.kind || a.text != b.text || len(a.list) != len(b.list) {
		return false
	}
	if a.kind == '0' {
		return a.number.Cmp(b.number) == 0
	}
	for i, x := range a.list {
		y := b.list[i]
		if a.kind == '{' {
			y = b.get(a.names[i])
		}
		if y == nil || !equal(x, y) {
			return false
		}
	}
	return true
}
