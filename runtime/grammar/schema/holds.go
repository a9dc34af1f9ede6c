package schema

import (
	"fmt"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// holds says whether a value of the schema's text holds schemas: which values of an enum may be
// written.
func (c *compiler) holds(v *value, a all) (bool, error) { return c.valid(v, a, 0) }

func (c *compiler) valid(v *value, a all, depth int) (bool, error) {
	if depth > maxItemsOf {
		return false, fmt.Errorf("schema: what holds at %s refers to itself", v.at())
	}
	p, ok, err := c.gather(a)
	if err != nil || !ok || p.types&typeOf(v) == 0 {
		return false, err
	}
	work := v.size
	if p.unique != nil {
		work *= 1 + len(v.list)
	}
	for _, e := range p.enums {
		work += v.size * len(e)
	}
	if err := c.w.Spend(perValue * work); err != nil {
		return false, err
	}
	for _, e := range p.enums {
		found := false
		for _, x := range e {
			found = found || equal(v, x)
		}
		if !found {
			return false, nil
		}
	}
	for _, ch := range p.choices {
		n := 0
		for _, b := range ch.branches {
			ok, err := c.valid(v, all{{s: b}}, depth+1)
			if err != nil {
				return false, err
			}
			if ok {
				n++
			}
		}
		if n == 0 || n > 1 && ch.kind == choiceOne {
			return false, nil
		}
	}
	switch v.kind {
	case '0':
		return p.validNumber(v.number), nil
	case '"':
		return c.validString(p, v.text)
	case '{':
		return c.validObject(v, p, depth)
	case '[':
		if len(v.list) < p.minItems || len(v.list) > p.maxItems {
			return false, nil
		}
		for i, x := range v.list {
			if ok, err := c.valid(x, p.element(i), depth+1); err != nil || !ok {
				return false, err
			}
			if p.unique != nil && slices.ContainsFunc(v.list[:i], func(y *value) bool { return equal(x, y) }) {
				return false, nil
			}
		}
	}
	return true, nil
}

func typeOf(v *value) int {
	switch v.kind {
	case 'n':
		return isNull
	case 't', 'f':
		return isBoolean
	case '0':
		return isNumber
	case '"':
		return isString
	case '{':
		return isObject
	}
	return isArray
}

func (p *spec) validNumber(r *big.Rat) bool {
	n := &p.numbers
	if p.integer && !r.IsInt() || n.multiple != nil && !new(big.Rat).Quo(r, n.multiple).IsInt() {
		return false
	}
	low, high := 1, -1
	if n.min != nil {
		low = r.Cmp(n.min)
	}
	if n.max != nil {
		high = r.Cmp(n.max)
	}
	return (low > 0 || low == 0 && !n.aboveMin) && (high < 0 || high == 0 && !n.belowMax)
}

func (c *compiler) validString(p *spec, s string) (bool, error) {
	t := &p.strings
	if n := utf8.RuneCountInString(s); n < t.min || n > t.max {
		return false, nil
	}
	if len(t.patterns)+len(t.formats) == 0 {
		return true, nil
	}
	d, err := c.patterned(t, true)
	if d == nil || err != nil {
		return false, err
	}
	text, err := re.Compile(c.w, literal(s), re.MaxStates)
	if err != nil {
		return false, err
	}
	return !re.Disjoint(c.w, d, text), c.w.Err()
}

func (c *compiler) validObject(v *value, p *spec, depth int) (bool, error) {
	if len(v.list) < p.minProps || len(v.list) > p.maxProps {
		return false, nil
	}
	for _, name := range p.required {
		if v.get(name) == nil {
			return false, nil
		}
	}
	for i, x := range v.list {
		if len(p.names) > 0 {
			if ok, err := c.valid(nameOf(v.names[i], v), p.names, depth+1); err != nil || !ok {
				return false, err
			}
		}
		a, err := c.property(p, v.names[i])
		if err != nil {
			return false, err
		}
		if ok, err := c.valid(x, a, depth+1); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// perValue is the steps of comparing a value with another.
const perValue = 2

// nameOf is a name of an object as a value.
func nameOf(name string, of *value) *value {
	return &value{kind: '"', text: name, size: 1, within: of, step: name}
}

// maxProof is how deep a proof looks that two schemas have no value in common.
const maxProof = 8

// checkDisjoint refuses a oneOf of whose branches two may hold for one value.
func (c *compiler) checkDisjoint(p *spec, ch choice) error {
	s := p.items[ch.index].s
	for i, a := range ch.branches {
		for j, b := range ch.branches[:i] {
			apart, err := c.disjoint(p.decide(ch, a), p.decide(ch, b), 0)
			if err != nil {
				return err
			}
			if !apart {
				return s.refuse("oneOf", "it is not proven that no value holds both branch %d and branch %d: write anyOf, or a const of different values in a property that both require", j, i)
			}
		}
	}
	return nil
}

// disjoint says whether it is certain that no value holds both.
func (c *compiler) disjoint(a, b all, depth int) (bool, error) {
	if depth > maxProof {
		return false, nil
	}
	p, ok, err := c.gather(a)
	if err != nil || !ok {
		return !ok, err
	}
	q, ok, err := c.gather(b)
	if err != nil || !ok {
		return !ok, err
	}
	if p.types&q.types == 0 {
		return true, nil
	}
	for _, x := range []struct {
		p     *spec
		other all
	}{{p, b}, {q, a}} {
		if len(x.p.enums) > 0 {
			return c.noneHolds(x.p.enums[0], x.p.items, x.other)
		}
		if len(x.p.choices) > 0 {
			return c.allDisjoint(x.p, x.other, depth)
		}
	}
	return c.typesDisjoint(p, q, depth)
}

// noneHolds says whether none of the values holds both.
func (c *compiler) noneHolds(values []*value, a, b all) (bool, error) {
	for _, v := range values {
		one, err := c.holds(v, a)
		if err != nil {
			return false, err
		}
		two, err := c.holds(v, b)
		if err != nil || one && two {
			return false, err
		}
	}
	return true, nil
}

// allDisjoint says whether it is certain of every branch of a choice.
func (c *compiler) allDisjoint(p *spec, other all, depth int) (bool, error) {
	ch := p.choices[0]
	for _, branch := range ch.branches {
		if apart, err := c.disjoint(p.decide(ch, branch), other, depth+1); err != nil || !apart {
			return false, err
		}
	}
	return true, nil
}

// typesDisjoint says so of values of each type that both have.
func (c *compiler) typesDisjoint(p, q *spec, depth int) (bool, error) {
	both := p.types & q.types
	if both&(isNull|isBoolean) != 0 {
		return false, nil
	}
	for _, t := range []struct {
		bit   int
		apart func(p, q *spec, depth int) (bool, error)
	}{{isNumber, c.numbersDisjoint}, {isString, c.stringsDisjoint}, {isObject, c.objectsDisjoint}, {isArray, c.arraysDisjoint}} {
		if both&t.bit == 0 {
			continue
		}
		if apart, err := t.apart(p, q, depth); err != nil || !apart {
			return false, err
		}
	}
	return true, nil
}

func (c *compiler) numbersDisjoint(p, q *spec, _ int) (bool, error) {
	a, err := c.decimal(p)
	if a == nil || err != nil {
		return err == nil, err
	}
	b, err := c.decimal(q)
	if b == nil || err != nil {
		return err == nil, err
	}
	return beyond(&p.numbers, &q.numbers) || beyond(&q.numbers, &p.numbers), nil
}

// beyond says whether all numbers of a are above those of b.
func beyond(a, b *numbers) bool {
	if a.min == nil || b.max == nil {
		return false
	}
	c := a.min.Cmp(b.max)
	return c > 0 || c == 0 && (a.aboveMin || b.belowMax)
}

func (c *compiler) stringsDisjoint(p, q *spec, _ int) (bool, error) {
	a, b := &p.strings, &q.strings
	if a.min > b.max || b.min > a.max {
		return true, nil
	}
	if len(a.patterns)+len(a.formats) == 0 || len(b.patterns)+len(b.formats) == 0 {
		return false, nil
	}
	// A length alone is in other spellings, so only patterns are compared.
	x, err := c.patterned(a, true)
	if x == nil || err != nil {
		return err == nil, err
	}
	y, err := c.patterned(b, true)
	if y == nil || err != nil {
		return err == nil, err
	}
	return exact(a, b) && re.Disjoint(c.w, x, y), c.w.Err()
}

// exact says whether the automata of strings accept all strings that hold: those of formats do not.
func exact(all ...*strings_) bool {
	for _, t := range all {
		for _, s := range t.formats {
			switch s.get("format").text {
			case "date", "uuid", "ipv4", "ipv6":
			default:
				return false
			}
		}
	}
	return true
}

func (c *compiler) objectsDisjoint(p, q *spec, depth int) (bool, error) {
	if p.minProps > q.maxProps || q.minProps > p.maxProps {
		return true, nil
	}
	for _, name := range append(append([]string{}, p.required...), q.required...) {
		a, err := c.property(p, name)
		if err != nil {
			return false, err
		}
		b, err := c.property(q, name)
		if err != nil {
			return false, err
		}
		if apart, err := c.disjoint(a, b, depth+1); err != nil || apart {
			return apart, err
		}
	}
	return false, nil
}

func (c *compiler) arraysDisjoint(p, q *spec, depth int) (bool, error) {
	if p.minItems > q.maxItems || q.minItems > p.maxItems {
		return true, nil
	}
	for i := range min(max(p.minItems, q.minItems), grammar.MaxCount, max(p.fixed(), q.fixed())+1) {
		if apart, err := c.disjoint(p.element(i), q.element(i), depth+1); err != nil || apart {
			return apart, err
		}
	}
	return false, nil
}
