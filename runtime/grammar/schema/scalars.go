package schema

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// number is the numbers within the limits of p.
func (c *compiler) number(p *spec) (grammar.Node, bool, error) {
	n := &p.numbers
	key := fmt.Sprint("number ", p.integer, n.min, n.max, n.aboveMin, n.belowMax, n.multiple)
	if made, ok := c.signs[key]; ok {
		return made, true, nil
	}
	d, err := c.decimal(p)
	if d == nil || err != nil {
		return 0, false, err
	}
	c.signs[key] = c.terminal(d)
	return c.signs[key], true, nil
}

// decimal is the automaton of the numbers of p, nil where there are none.
func (c *compiler) decimal(p *spec) (*re.DFA, error) {
	n := number()
	n.Integer, n.Min, n.Max, n.AboveMin, n.BelowMax = p.integer, p.numbers.min, p.numbers.max, p.numbers.aboveMin, p.numbers.belowMax
	n.MultipleOf = p.numbers.multiple
	d, err := re.Decimal(c.w, n, re.MaxStates)
	if err == nil || errors.Is(err, re.ErrEmpty) {
		return d, nil // nil for none
	}
	for _, x := range []struct {
		from  *value
		names []string
	}{{p.numbers.from[2], []string{"multipleOf"}}, {p.numbers.from[1], []string{"maximum", "exclusiveMaximum"}}, {p.numbers.from[0], []string{"minimum", "exclusiveMinimum"}}} {
		for _, name := range x.names {
			if x.from != nil && x.from.get(name) != nil {
				return nil, x.from.refuse(name, "%v", err)
			}
		}
	}
	return nil, err
}

// string is the strings that p asks for.
func (c *compiler) string(p *spec) (grammar.Node, bool, error) {
	t := &p.strings
	switch {
	case t.min > t.max:
		return 0, false, nil
	case len(t.patterns)+len(t.formats) > 0:
		d, err := c.patterned(t, false)
		switch {
		case d == nil || err != nil:
			return 0, false, err
		case t.from == nil:
			return c.terminal(d), true, nil
		}
		return c.counted(d, t)
	}
	if t.from != nil {
		x, err := countedStrings()
		if err != nil {
			return 0, false, err
		}
		return c.countedBy(x, anyCharacter(), t)
	}
	d, err := plainStrings()
	if err != nil {
		return 0, false, err
	}
	return c.terminal(d), true, nil
}

// counted is the strings of an automaton with a length.
func (c *compiler) counted(d *re.DFA, t *strings_) (grammar.Node, bool, error) {
	item, err := re.Compile(c.w, character(re.AnyRune()), maxStates)
	if err != nil {
		return 0, false, err
	}
	if x := re.Count(c.w, d, item); x != nil {
		if int(x.Need[x.Step(0, '"')]) > t.max {
			return 0, false, nil
		}
		return c.countedBy(x, character(re.AnyRune()), t)
	}
	if d, err = c.patterned(t, true); d == nil || err != nil {
		return 0, false, err
	}
	return c.terminal(d), true, nil
}

// countedBy is strings whose items are counted, without the texts that no terminal may have.
func (c *compiler) countedBy(x *re.Counter, item re.Expr, t *strings_) (grammar.Node, bool, error) {
	if c.avoid != nil {
		less, err := re.Minus(c.w, x.DFA, c.avoid, re.MaxStates)
		if err != nil {
			return 0, false, none(err)
		}
		one, err := re.Compile(c.w, item, maxStates)
		if err != nil {
			return 0, false, err
		}
		if x = re.Count(c.w, less, one); x == nil {
			return 0, false, cmp.Or(c.w.Err(), errors.New("schema: strings of a length that may not have the markup of calls are not enforced"))
		}
		if int(x.Need[x.Step(0, '"')]) > t.max {
			return 0, false, nil
		}
	}
	return c.b.Counted(x, t.min, t.max), true, nil
}

// patterned is the automaton of strings with patterns and formats, and with a length if that is
// asked for; nil where there are none.
func (c *compiler) patterned(t *strings_, length bool) (d *re.DFA, err error) {
	also := func(e re.Expr, s *value, keyword string) error {
		x, err := re.Compile(c.w, e, maxStates)
		if err == nil && d != nil {
			x, err = re.Intersect(c.w, d, x, maxStates)
		}
		if err != nil && !errors.Is(err, re.ErrEmpty) {
			return s.refuse(keyword, "%v", err)
		}
		d = x
		return err
	}
	for _, s := range t.patterns {
		e, err := re.Pattern(c.w, s.get("pattern").text, character)
		if err != nil {
			return nil, s.refuse("pattern", "%v", err)
		}
		if err := also(e, s, "pattern"); err != nil {
			return nil, none(err)
		}
	}
	for _, s := range t.formats {
		if err := also(formats[s.get("format").text](), s, "format"); err != nil {
			return nil, none(err)
		}
	}
	if d == nil {
		if d, err = re.Compile(c.w, re.Repeat(character(re.AnyRune()), 0, re.Unbounded), maxStates); err != nil {
			return nil, err
		}
	}
	if length && t.from != nil {
		if d, err = c.limit(t, d); err != nil {
			return nil, none(err)
		}
	}
	return re.Between(c.w, '"', d, '"', re.MaxStates)
}

// limit is the texts of d with the length that is asked for.
func (c *compiler) limit(t *strings_, d *re.DFA) (*re.DFA, error) {
	item, err := re.Compile(c.w, character(re.AnyRune()), maxStates)
	if err != nil {
		return nil, err
	}
	most := t.max
	if most == grammar.Unbounded {
		most = re.Unbounded
	}
	d, err = re.Limited(c.w, d, item, t.min, most, re.MaxStates-2)
	if err == nil || errors.Is(err, re.ErrEmpty) {
		return d, err
	}
	keyword := "maxLength"
	if t.from.get(keyword) == nil {
		keyword = "minLength"
	}
	return nil, t.from.refuse(keyword, "beside a pattern or a format, %v", err)
}

// none is nil for an automaton that accepts nothing, which is no mistake.
func none(err error) error {
	if errors.Is(err, re.ErrEmpty) {
		return nil
	}
	return err
}
