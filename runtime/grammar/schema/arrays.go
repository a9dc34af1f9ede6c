package schema

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// array is the arrays that p asks for.
func (c *compiler) array(p *spec) (grammar.Node, bool, error) {
	fixed := min(p.fixed(), p.maxItems)
	if err := c.w.Spend(8 * fixed * len(p.arrays)); err != nil {
		return 0, false, err
	}
	if fixed > maxChain {
		return 0, false, fmt.Errorf("schema: an array with more than %d schemas of its own", maxChain)
	}
	if p.minItems > p.maxItems {
		return 0, false, nil
	}
	if p.unique != nil && p.maxItems > 1 {
		return c.uniqueItems(p)
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

// maxUnique bounds the values of items that differ: there is a part of the grammar for every set of
// those that are there.
const maxUnique = 8

// uniqueItems is arrays whose items differ. They are of a few values, each of which comes once.
func (c *compiler) uniqueItems(p *spec) (grammar.Node, bool, error) {
	values, err := c.values(p)
	if err != nil {
		return 0, false, err
	}
	var nodes [2][]grammar.Node // of the values, first and behind a comma
	for _, v := range values {
		for i, before := range []re.Expr{{}, punctuation(",")} {
			n, _, err := c.expr(re.Seq(before, spelled(v)))
			if err != nil {
				return 0, false, p.unique.refuse("uniqueItems", "%v", err)
			}
			nodes[i] = append(nodes[i], n)
		}
	}
	end, err := c.sign(true, "]")
	if err != nil {
		return 0, false, err
	}
	open, err := c.sign(false, "[")
	if err != nil {
		return 0, false, err
	}
	// From the full set down: rest[set] is what follows when the values of a set are there.
	rest := make([]grammar.Node, 1<<len(values))
	possible := make([]bool, len(rest))
	for set := len(rest) - 1; set >= 0; set-- {
		count := bits.OnesCount(uint(set))
		var alts []grammar.Node
		for i := range values {
			if with := set | 1<<i; with != set && possible[with] && count < p.maxItems {
				alts = append(alts, c.b.Seq(nodes[min(count, 1)][i], rest[with]))
			}
		}
		if count >= p.minItems {
			alts = append(alts, end)
		}
		if rest[set], possible[set], err = c.alt(alts); err != nil {
			return 0, false, err
		}
	}
	if !possible[0] {
		return 0, false, nil
	}
	return c.b.Seq(open, rest[0]), true, nil
}

// values are those that the items of an array may have, if they are few and all items are alike.
func (c *compiler) values(p *spec) (values []*value, err error) {
	few := func() error {
		return p.unique.refuse("uniqueItems", "that items differ is enforced where they are all of one enum of at most %d values, boolean or null", maxUnique)
	}
	if p.fixed() > 0 {
		return nil, few()
	}
	item, ok, err := c.gather(p.element(0))
	if err != nil || !ok {
		return nil, err
	}
	var list []*value
	switch {
	case len(item.enums) > 0:
		list = item.enums[0]
	case len(item.choices) == 0 && item.types&^(isNull|isBoolean) == 0:
		list = []*value{{kind: 'n', size: 1}, {kind: 't', size: 1}, {kind: 'f', size: 1}}
	default:
		return nil, few()
	}
	for _, v := range list {
		holds, err := c.holds(v, item.items)
		if err != nil {
			return nil, err
		}
		if holds && !slices.ContainsFunc(values, func(x *value) bool { return equal(v, x) }) {
			values = append(values, v)
		}
		if len(values) > maxUnique {
			return nil, few()
		}
	}
	return values, nil
}
