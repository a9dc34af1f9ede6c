package schema

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// item is a schema that a value must hold, without those of its choices that were made.
type item struct {
	s       *value
	decided uint8 // choiceAny, choiceOne
	flat    bool  // what it refers to and consists of is beside it
}

const (
	choiceAny = 1 << iota
	choiceOne
)

// all is schemas that hold together.
type all []item

func (a all) with(s *value) all { return append(slices.Clone(a), item{s: s}) }

// key is the same for the same schemas.
func (a all) key() string {
	var parts []string
	for _, x := range a {
		parts = append(parts, fmt.Sprintf("%p %d %t", x.s, x.decided, x.flat))
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "\n")
}

// The types of values.
const (
	isNull = 1 << iota
	isBoolean
	isNumber
	isString
	isObject
	isArray
	everyType = isNull | isBoolean | isNumber | isString | isObject | isArray
)

var typeNames = map[string]int{
	"null": isNull, "boolean": isBoolean, "number": isNumber, "integer": isNumber, "string": isString, "object": isObject, "array": isArray,
}

// spec is what schemas ask together.
type spec struct {
	items    all // with those that they refer to
	types    int
	integer  bool
	enums    [][]*value
	choices  []choice
	numbers  numbers
	strings  strings_
	object   []*value // that say something of the values of objects
	names    all      // what names must hold
	required []string
	minProps int
	maxProps int
	arrays   []*value // that say something of arrays
	unique   *value   // that wants items to differ
	minItems int
	maxItems int
}

// numbers is what is asked of numbers.
type numbers struct {
	min, max           *big.Rat
	aboveMin, belowMax bool
	multiple           *big.Rat
	from               [3]*value // the schemas that say min, max and multiple
}

// strings_ is what is asked of strings.
type strings_ struct {
	min, max int
	patterns []*value // schemas with pattern
	formats  []*value // schemas with format
	from     *value   // one that says min or max
}

// choice is the alternatives of one item.
type choice struct {
	index    int // of the item
	kind     uint8
	branches []*value
}

// perSchema is the steps of reading the keywords of a schema.
const perSchema = 100

// maxItemsOf bounds the schemas that hold together.
const maxItemsOf = 1000

// flatten adds the schemas that schemas refer to and consist of. False says that nothing holds.
func (c *compiler) flatten(a all) (flat all, ok bool, err error) {
	ok = true
	active := map[*value]bool{}
	var add func(x item, depth int) error
	add = func(x item, depth int) error {
		switch {
		case active[x.s]:
			return x.s.refuse("$ref", "it refers to itself")
		case slices.Contains(flat, x):
			return nil
		case c.w.Spend(perSchema+len(flat)/2) != nil:
			return c.w.Err()
		case len(flat) >= maxItemsOf || depth > maxItemsOf:
			return x.s.refuse("$ref", "more than %d schemas hold together", maxItemsOf)
		}
		if err := c.check(x.s); err != nil {
			return err
		}
		if x.s.kind != '{' {
			ok = ok && x.s.kind == 't'
			return nil
		}
		flat = append(flat, x)
		if x.flat {
			return nil
		}
		active[x.s] = true
		defer delete(active, x.s)
		parts, err := x.s.schemas("allOf")
		if err != nil {
			return err
		}
		ref, err := c.resolve(x.s)
		if err != nil {
			return err
		}
		if ref != nil {
			parts = append(slices.Clone(parts), ref)
		}
		for _, p := range parts {
			if err := add(item{s: p}, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for _, x := range a {
		if err := add(x, 0); err != nil {
			return nil, false, err
		}
	}
	return flat, ok, nil
}

// gather finds what schemas ask together. False says that nothing holds.
func (c *compiler) gather(a all) (*spec, bool, error) {
	if c.made++; c.made > maxWork {
		return nil, false, fmt.Errorf("schema: it stands for more than %d combinations of schemas", maxWork)
	}
	flat, ok, err := c.flatten(a)
	if err != nil || !ok {
		return nil, false, err
	}
	p := &spec{items: flat, types: everyType, maxProps: grammar.Unbounded, maxItems: grammar.Unbounded}
	p.strings.max = grammar.Unbounded
	for i, x := range flat {
		if names := x.s.get("required"); names != nil { // each is looked for in those before
			if err := c.w.Spend(len(names.list) * (8 + (len(p.required)+len(names.list))/8)); err != nil {
				return nil, false, err
			}
		}
		for _, read := range []func(*value) error{p.readType, p.readEnum, p.readNumbers, p.readStrings, p.readObject, p.readArray} {
			if err := read(x.s); err != nil {
				return nil, false, err
			}
		}
		for kind, name := range map[uint8]string{choiceAny: "anyOf", choiceOne: "oneOf"} {
			branches, err := x.s.schemas(name)
			if err != nil {
				return nil, false, err
			}
			if branches != nil && x.decided&kind == 0 {
				p.choices = append(p.choices, choice{i, kind, branches})
			}
		}
	}
	slices.SortStableFunc(p.choices, func(a, b choice) int { return (a.index-b.index)*4 + int(a.kind) - int(b.kind) })
	return p, p.types != 0, nil
}

// maxBits bounds the common multiple of numbers. A single one has fewer.
const maxBits = 4096

// decide is the schemas with one branch of a choice.
func (p *spec) decide(c choice, branch *value) all {
	a := slices.Clone(p.items)
	for i := range a {
		a[i].flat = true
	}
	a[c.index].decided |= c.kind
	return a.with(branch)
}

func (p *spec) readType(s *value) error {
	v := s.get("type")
	if v == nil {
		return nil
	}
	names := []string{v.text}
	if v.kind == '[' {
		var err error
		if names, err = s.strings("type"); err != nil {
			return err
		}
	}
	types, whole := 0, false
	for _, n := range names {
		if typeNames[n] == 0 {
			return s.refuse("type", "want null, boolean, integer, number, string, object, array, or a list of them")
		}
		types |= typeNames[n]
		whole = whole || n == "integer"
	}
	p.types &= types
	p.integer = p.integer || whole && !in(names, "number")
	return nil
}

func (p *spec) readEnum(s *value) error {
	if v := s.get("const"); v != nil {
		p.enums = append(p.enums, []*value{v})
	}
	if v := s.get("enum"); v != nil {
		if v.kind != '[' {
			return s.refuse("enum", "want an array")
		}
		p.enums = append(p.enums, v.list)
	}
	return nil
}

func (p *spec) readNumbers(s *value) error {
	n := &p.numbers
	for _, k := range []struct {
		name      string
		low, open bool
	}{{"minimum", true, false}, {"exclusiveMinimum", true, true}, {"maximum", false, false}, {"exclusiveMaximum", false, true}} {
		v := s.get(k.name)
		if v == nil {
			continue
		}
		if v.kind != '0' {
			return s.refuse(k.name, "want a number")
		}
		if k.low {
			n.atLeast(v.number, k.open, s)
		} else {
			n.atMost(v.number, k.open, s)
		}
	}
	if v := s.get("multipleOf"); v != nil {
		if v.kind != '0' || v.number.Sign() <= 0 {
			return s.refuse("multipleOf", "want a number above 0")
		}
		n.from[2] = s
		if n.multiple == nil {
			n.multiple = v.number
		} else {
			n.multiple = commonMultiple(n.multiple, v.number)
		}
		if n.multiple.Num().BitLen()+n.multiple.Denom().BitLen() > maxBits {
			return s.refuse("multipleOf", "together with others it has more than %d bits", maxBits)
		}
	}
	return nil
}

func (n *numbers) atLeast(r *big.Rat, open bool, s *value) {
	if n.min == nil || r.Cmp(n.min) > 0 || r.Cmp(n.min) == 0 && open {
		n.min, n.aboveMin, n.from[0] = r, open, s
	}
}

func (n *numbers) atMost(r *big.Rat, open bool, s *value) {
	if n.max == nil || r.Cmp(n.max) < 0 || r.Cmp(n.max) == 0 && open {
		n.max, n.belowMax, n.from[1] = r, open, s
	}
}

// commonMultiple is the least number that is a multiple of both.
func commonMultiple(a, b *big.Rat) *big.Rat {
	// a = p/q, b = r/s: lcm(p s, r q) / (q s)
	x := new(big.Int).Mul(a.Num(), b.Denom())
	y := new(big.Int).Mul(b.Num(), a.Denom())
	gcd := new(big.Int).GCD(nil, nil, x, y)
	return new(big.Rat).SetFrac(x.Mul(x, y.Div(y, gcd)), new(big.Int).Mul(a.Denom(), b.Denom()))
}

func (p *spec) readStrings(s *value) (err error) {
	t := &p.strings
	min, err := s.count("minLength", 0)
	if err != nil {
		return err
	}
	max, err := s.count("maxLength", grammar.Unbounded)
	if err != nil {
		return err
	}
	if min > t.min || max < t.max {
		t.from = s
	}
	t.min = slices.Max([]int{t.min, min})
	t.max = slices.Min([]int{t.max, max})
	for name, list := range map[string]*[]*value{"pattern": &t.patterns, "format": &t.formats} {
		if v := s.get(name); v != nil {
			if v.kind != '"' {
				return s.refuse(name, "want a string")
			}
			*list = append(*list, s)
		}
	}
	return p.readFormat(s)
}

func (p *spec) readObject(s *value) error {
	if v := s.get("propertyNames"); v != nil {
		p.names = p.names.with(v)
	}
	for _, name := range []string{"properties", "patternProperties", "additionalProperties"} {
		v := s.get(name)
		if v == nil {
			continue
		}
		if name != "additionalProperties" && v.kind != '{' {
			return s.refuse(name, "want an object")
		}
		if len(p.object) == 0 || p.object[len(p.object)-1] != s {
			p.object = append(p.object, s)
		}
	}
	names, err := s.strings("required")
	if err != nil {
		return err
	}
	for _, n := range names {
		if !in(p.required, n) {
			p.required = append(p.required, n)
		}
	}
	min, err := s.count("minProperties", 0)
	if err != nil {
		return err
	}
	max, err := s.count("maxProperties", grammar.Unbounded)
	p.minProps, p.maxProps = slices.Max([]int{p.minProps, min}), slices.Min([]int{p.maxProps, max})
	return err
}

func (p *spec) readArray(s *value) error {
	if v := s.get("items"); v != nil && v.kind == '[' {
		return s.refuse("items", "an array of schemas is of older drafts: write prefixItems")
	}
	if _, err := s.schemas("prefixItems"); err != nil {
		return err
	}
	if s.get("items") != nil || s.get("prefixItems") != nil {
		p.arrays = append(p.arrays, s)
	}
	min, err := s.count("minItems", 0)
	if err != nil {
		return err
	}
	max, err := s.count("maxItems", grammar.Unbounded)
	if err != nil {
		return err
	}
	p.minItems, p.maxItems = slices.Max([]int{p.minItems, min}), slices.Min([]int{p.maxItems, max})
	if v := s.get("uniqueItems"); v != nil && v.kind != 'f' {
		if v.kind != 't' {
			return s.refuse("uniqueItems", "want true or false")
		}
		p.unique = s
	}
	return nil
}

// valuesOf is what the value of a name must hold. declares says whether a schema declares it,
// matches whether it matches a pattern of one.
func (p *spec) valuesOf(declares func(s *value) *value, matches func(pattern *value) bool) (a all) {
	for _, s := range p.object {
		known := declares(s)
		if known != nil {
			a = a.with(known)
		}
		if v := s.get("patternProperties"); v != nil {
			for _, x := range v.list {
				if matches(x) {
					known, a = x, a.with(x)
				}
			}
		}
		if x := s.get("additionalProperties"); x != nil && known == nil {
			a = a.with(x)
		}
	}
	return a
}

// property is what the value of a name must hold, which may match patterns.
func (c *compiler) property(p *spec, name string) (all, error) {
	var failed error
	a := p.valuesOf(func(s *value) *value {
		if v := s.get("properties"); v != nil {
			return v.get(name)
		}
		return nil
	}, func(pattern *value) bool {
		d, err := c.namesLike(p, pattern)
		failed = cmp.Or(failed, c.w.Spend(len(name)))
		failed = cmp.Or(failed, err)
		return d != nil && d.Match(spell(name))
	})
	return a, failed
}

// patterns are the schemas of all patternProperties.
func (p *spec) patterns() (all []*value) {
	for _, s := range p.object {
		if v := s.get("patternProperties"); v != nil {
			all = append(all, v.list...)
		}
	}
	return all
}

// namesLike is the automaton of the strings that match the pattern of a schema, nil for none.
func (c *compiler) namesLike(p *spec, of *value) (*re.DFA, error) {
	if d, ok := c.likes[of]; ok {
		return d, nil
	}
	for _, s := range p.object {
		v := s.get("patternProperties")
		if v == nil || !slices.Contains(v.list, of) {
			continue
		}
		e, err := re.Pattern(c.w, v.names[slices.Index(v.list, of)], character)
		if err != nil {
			return nil, s.refuse("patternProperties", "%v", err)
		}
		d, err := re.Compile(c.w, e, maxStates)
		if err == nil {
			d, err = re.Between(c.w, '"', d, '"', re.MaxStates)
		}
		if err != nil && !errors.Is(err, re.ErrEmpty) {
			return nil, s.refuse("patternProperties", "%v", err)
		}
		c.likes[of] = d
	}
	return c.likes[of], nil
}

// declared are those that are declared or required, in the order of the schemas.
func (p *spec) declared() (names []string) {
	seen := map[string]bool{}
	add := func(list []string) {
		for _, n := range list {
			if !seen[n] {
				seen[n], names = true, append(names, n)
			}
		}
	}
	for _, s := range p.object {
		if v := s.get("properties"); v != nil {
			add(v.names)
		}
	}
	add(p.required)
	return names
}

// element is what the element of an index must hold.
func (p *spec) element(i int) (a all) {
	for _, s := range p.arrays {
		if v := s.get("prefixItems"); v != nil && i < len(v.list) {
			a = a.with(v.list[i])
		} else if x := s.get("items"); x != nil {
			a = a.with(x)
		}
	}
	return a
}

// fixed is the number of elements that have schemas of their own.
func (p *spec) fixed() (n int) {
	for _, s := range p.arrays {
		if v := s.get("prefixItems"); v != nil {
			n = max(n, len(v.list))
		}
	}
	return n
}
