package schema

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// array is the arrays that p asks for.
func (c *compiler) array(p *spec) (grammar.Node, bool, error) {
	fixed := min(p.fixed(), p.maxItems)
	if fixed > maxChain {
		return 0, false, fmt.Errorf("schema: an array with more than %d schemas of its own", maxChain)
	}
	if p.minItems > p.maxItems {
		return 0, false, nil
	}
	var signs [3]grammar.Node
	for i, text := range []string{"[", ",", "]"} {
		var err error
		if signs[i], err = c.sign(i == 2, text); err != nil {
			return 0, false, err
		}
	}
	b, comma, end := c.b, signs[1], signs[2]
	rest, more, err := c.all(p.element(p.fixed()))
	if err != nil {
		return 0, false, err
	}
	// From the back: tail is what follows fixed[:i+1], behind one element at least.
	tail, ok := end, p.minItems <= max(fixed, 1)
	most := grammar.Unbounded
	if p.maxItems != grammar.Unbounded {
		most = p.maxItems - max(fixed, 1)
	}
	if most > 0 && more {
		tail, ok = b.Seq(b.Repeat(b.Seq(comma, rest), max(0, p.minItems-max(fixed, 1)), most), end), true
	}
	first, some := rest, more && p.maxItems > 0 && ok
	for i := fixed - 1; i >= 0; i-- {
		element, possible, err := c.all(p.element(i))
		if err != nil {
			return 0, false, err
		}
		if first, some = element, possible && ok; i == 0 {
			break
		}
		var alts []grammar.Node
		if some {
			alts = append(alts, b.Seq(comma, element, tail))
		}
		if i >= p.minItems {
			alts = append(alts, end)
		}
		if tail, ok, err = c.alt(alts); err != nil {
			return 0, false, err
		}
	}
	var alts []grammar.Node
	if some {
		alts = append(alts, b.Seq(first, tail))
	}
	if p.minItems == 0 {
		alts = append(alts, end)
	}
	inside, possible, err := c.alt(alts)
	if err != nil || !possible {
		return 0, false, err
	}
	return b.Seq(signs[0], inside), true, nil
}
