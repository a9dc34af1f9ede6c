package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// jsonStyle are the arguments of json.dumps.
type jsonStyle struct {
	ascii      bool
	indent     string
	lines      bool // indent is given
	item, pair string
	sort       bool
}

func filterToJSON(r *run, x any, a *args) any {
	v := a.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	st := jsonStyle{ascii: truth(or(v[0], false)), item: ", ", pair: ": ", sort: truth(or(v[3], false))}
	if indent := or[any](v[1], nil); indent != nil {
		st.lines, st.item = true, ","
		if s, ok := text(indent); ok {
			st.indent = s
		} else {
			st.indent = r.spaces(index(indent), " ")
		}
	}
	if s := or[any](v[2], nil); s != nil {
		parts := r.items(s)
		if len(parts) != 2 {
			fail("separators must be two texts")
		}
		st.item, st.pair = str(parts[0], "tojson"), str(parts[1], "tojson")
	}
	var b strings.Builder
	r.writeJSON(&b, x, st, 0)
	return b.String()
}

func (r *run) writeJSON(b *strings.Builder, v any, st jsonStyle, depth int) {
	deep(depth)
	r.grow(itemSize)
	r.fits(b)
	newline := func(depth int) {
		if st.lines {
			r.grow(int64(depth*len(st.indent) + 1))
			b.WriteByte('\n')
			for range depth {
				b.WriteString(st.indent)
			}
		}
	}
	items := func(open, end byte, n int, write func(i int)) {
		b.WriteByte(open)
		for i := range n {
			if i > 0 {
				b.WriteString(st.item)
				r.grow(int64(len(st.item) + len(st.pair)))
			}
			newline(depth + 1)
			write(i)
		}
		if n > 0 {
			newline(depth)
		}
		b.WriteByte(end)
	}
	switch v := v.(type) {
	case string, markup:
		s, _ := text(v)
		r.jsonText(b, s, st.ascii)
	case *List:
		items('[', ']', len(v.Items), func(i int) { r.writeJSON(b, v.Items[i], st, depth+1) })
	case *Tuple, group:
		all, _ := tupleItems(v)
		items('[', ']', len(all), func(i int) { r.writeJSON(b, all[i], st, depth+1) })
	case *Dict:
		order := r.items(v)
		if st.sort {
			order = sorted(r, order, func(k any) any { return k }, false)
		}
		items('{', '}', len(order), func(i int) {
			x, _ := v.Get(order[i])
			s, ok := text(order[i])
			if !ok {
				s = jsonScalar(order[i])
				if s == "" {
					fail("keys must be str, int, float, bool or None, not %s", typeName(order[i]))
				}
			}
			r.jsonText(b, s, st.ascii)
			b.WriteString(st.pair)
			r.writeJSON(b, x, st, depth+1)
		})
	default:
		s := jsonScalar(v)
		if s == "" {
			fail("Object of type %s is not JSON serializable", typeName(v))
		}
		b.WriteString(s)
	}
}

// jsonScalar is a number or constant as json.dumps writes it, nothing for other values.
func jsonScalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return decimalText(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 0):
			return map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0]
		}
		return floatText(v)
	}
	return ""
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}

func (r *run) jsonText(b *strings.Builder, s string, ascii bool) {
	r.grow(int64(len(s)))
	b.WriteByte('"')
	for _, c := range s {
		e, ok := jsonEscapes[c]
		switch {
		case ok:
			b.WriteString(e)
		case c < 0x20 || ascii && c >= 0x7f && c < 0x10000:
			fmt.Fprintf(b, `\u%04x`, c)
		case ascii && c >= 0x10000:
			c -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}

// FromJSON reads one JSON value. Dictionaries keep the order of their keys, integers their digits.
func FromJSON(data []byte) (v any, err error) {
	defer recovered(&err, new(int))
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if v, err = fromJSON(d, 0); err != nil {
		return nil, err
	}
	if d.InputOffset() < int64(len(data)) && len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func fromJSON(d *json.Decoder, depth int) (any, error) {
	deep(depth)
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		s := t.String()
		if strings.ContainsAny(s, ".eE") {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil && !isRange(err) {
				return nil, err
			}
			return f, nil
		}
		z, ok := new(big.Int).SetString(s, 10)
		if !ok || len(s) > maxDigits+1 {
			return nil, fmt.Errorf("a number of %d digits, the limit is %d", len(s), maxDigits)
		}
		return norm(z), nil
	case json.Delim:
		if t == '[' {
			l := &List{}
			for d.More() {
				x, err := fromJSON(d, depth+1)
				if err != nil {
					return nil, err
				}
				l.Items = append(l.Items, x)
			}
			_, err = d.Token()
			return l, err
		}
		m := &Dict{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			x, err := fromJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			m.Set(k, x)
		}
		_, err = d.Token()
		return m, err
	}
	return t, nil
}
