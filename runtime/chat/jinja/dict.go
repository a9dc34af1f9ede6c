package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Dict is a Python dictionary: its keys keep the order in which they came.
type Dict struct {
	keys, values []any
	places       map[any]int // from what key gives; nil while there are few keys
}

const fewKeys = 8

// NewDict is a dictionary of keys and values in turn.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// At is the key and value at place i.
func (d *Dict) At(i int) (key, value any) { return d.keys[i], d.values[i] }

// Get is the value of a key.
func (d *Dict) Get(key any) (any, bool) {
	if i := d.find(hashed(key)); i >= 0 {
		return d.values[i], true
	}
	return nil, false
}

// text is Get of a text, which does not become a value of its own on the way.
func (d *Dict) text(key string) (any, bool) {
	if d.places != nil {
		return d.Get(key)
	}
	for i, k := range d.keys {
		if s, ok := k.(string); ok && s == key {
			return d.values[i], true
		}
	}
	return nil, false
}

func (d *Dict) find(h any) int {
	if d.places != nil {
		if i, ok := d.places[h]; ok {
			return i
		}
		return -1
	}
	for i, k := range d.keys {
		if s, ok := k.(string); ok {
			if s == h {
				return i
			}
		} else if hashed(k) == h {
			return i
		}
	}
	return -1
}

// Set gives a key its value. A new key comes last.
func (d *Dict) Set(key, value any) {
	h := hashed(key)
	if i := d.find(h); i >= 0 {
		d.values[i] = value
		return
	}
	d.keys, d.values = append(d.keys, key), append(d.values, value)
	switch {
	case d.places != nil:
		d.places[h] = len(d.keys) - 1
	case len(d.keys) > fewKeys:
		d.places = map[any]int{}
		for i, k := range d.keys {
			d.places[hashed(k)] = i
		}
	}
}

func (d *Dict) copy() *Dict {
	c := &Dict{}
	for i, k := range d.keys {
		c.Set(k, d.values[i])
	}
	return c
}

type hashedTuple string
type hashedUndefined struct{}

// hashed is the same Go value for keys that Python takes for the same: 1, 1.0 and True are one key.
func hashed(v any) any {
	switch v := v.(type) {
	case nil, string:
		return v
	case markup:
		return string(v)
	case int64:
		return v
	case bool:
		i, _ := small(v)
		return i
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v)
		}
		if v == math.Trunc(v) && !math.IsInf(v, 0) {
			z, _ := big.NewFloat(v).Int(nil)
			return hashedTuple("int " + z.Text(36))
		}
		return v
	case *big.Int:
		return hashedTuple("int " + v.Text(36))
	case *Tuple:
		return hashedItems(v.Items, 0)
	case group:
		return hashedItems(v.Items, 0)
	case *undefined:
		return hashedUndefined{}
	case *List, *Dict:
		fail("unhashable type: '%s'", typeName(v))
	case *view:
		if v.kind != "dict_values" {
			fail("unhashable type: '%s'", typeName(v))
		}
	case *numbers:
		return *v
	}
	return v
}

func hashedItems(items []any, depth int) any {
	deep(depth)
	var b strings.Builder
	for _, x := range items {
		var h any
		if t, ok := x.(*Tuple); ok {
			h = hashedItems(t.Items, depth+1)
		} else {
			h = hashed(x)
		}
		s := fmt.Sprintf("%T %v", h, h)
		if b.Len()+len(s) > maxKey {
			failLimit("a tuple of more than %d bytes as a key", maxKey)
		}
		fmt.Fprintf(&b, "%d %s ", len(s), s)
	}
	return hashedTuple(b.String())
}
