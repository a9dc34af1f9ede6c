package schema

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// Tags are how properties are written between tags: Open NAME Middle VALUE Close. A string stands
// there as it is, and any other value as JSON.
type Tags struct {
	Open, Middle, Close string

	// Not are texts that no value may have. Each begins with < and has no other <.
	Not []string

	// Plain says of a property, by its name, that who reads it takes every text for a string. Else
	// what looks like JSON is taken for that, and no string is written that does.
	Plain func(name string) bool
}

// tagName is what a property may be called between tags.
var tagName = regexp.MustCompile(`^[A-Za-z_][\w.-]{0,127}$`)

// Tagged makes a part of the objects that are valid by a schema, as tags. Properties come in the
// order of the schema; those that it does not declare are not written.
func (s *Set) Tagged(name string, text []byte, t *Tags) (grammar.Node, error) {
	s.name = name + ": "
	c, err := s.compiler(text)
	if err != nil {
		return 0, err
	}
	if c.avoid, err = re.Compile(c.w, having(t.Not), maxStates); err != nil {
		return 0, err
	}
	p, ok, err := c.gather(all{{s: c.root}})
	switch {
	case err != nil:
		return 0, err
	case !ok || p.types&isObject == 0:
		return 0, errNothing
	case len(p.choices)+len(p.enums) > 0:
		return 0, errors.New("schema: anyOf, oneOf, enum and const of all arguments are not enforced where they are tags")
	}
	for _, keyword := range []string{"minProperties", "maxProperties", "propertyNames"} {
		if x := p.keyword(keyword); x.get(keyword) != nil {
			return 0, x.refuse(keyword, "it is not enforced where arguments are tags")
		}
	}
	rest := c.b.Seq()
	for _, name := range slices.Backward(p.declared()) {
		one, ok, err := c.tagged(p, name, t)
		switch required := in(p.required, name); {
		case err != nil:
			return 0, err
		case !ok && required:
			return 0, errNothing
		case ok && required:
			rest = c.b.Seq(one, rest)
		case ok:
			rest = c.b.Alt(c.b.Seq(one, rest), rest)
		}
	}
	return rest, cmp.Or(c.failed, c.b.Err())
}

// anything is any text, and having one that has one of some texts in it.
var anything = re.Repeat(re.Range(0, 255), 0, re.Unbounded)

func having(texts []string) re.Expr {
	var all []re.Expr
	for _, x := range texts {
		all = append(all, re.Seq(anything, re.Text(x), anything))
	}
	return re.Alt(all...)
}

// noString is a schema of all values but strings, onlyString one of these.
var noString, onlyString = must(`{"type": ["null", "boolean", "number", "object", "array"]}`), must(`{"type": "string"}`)

func must(text string) *value {
	v, err := parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

// tagged is one property in its tags, false where it has no value.
func (c *compiler) tagged(p *spec, name string, t *Tags) (grammar.Node, bool, error) {
	if !tagName.MatchString(name) {
		return 0, false, fmt.Errorf("schema: the property %.64q cannot be the name of a tag", name)
	}
	a, err := c.property(p, name)
	if err != nil {
		return 0, false, err
	}
	var alts []grammar.Node
	for _, make := range []func() (grammar.Node, bool, error){
		func() (grammar.Node, bool, error) { return c.raw(a.with(onlyString), t.Plain(name)) },
		func() (grammar.Node, bool, error) { return c.all(a.with(noString)) },
	} {
		n, ok, err := make()
		if err != nil {
			return 0, false, err
		}
		if ok {
			alts = append(alts, n)
		}
	}
	if len(alts) == 0 {
		return 0, false, nil
	}
	open, err := re.Compile(c.w, re.Text(t.Open+name+t.Middle), maxStates)
	if err != nil {
		return 0, false, err
	}
	end, err := re.Compile(c.w, re.Text(t.Close), maxStates)
	if err != nil {
		return 0, false, err
	}
	return c.b.Seq(c.b.Terminal(open), c.b.Alt(alts...), c.b.Terminal(end)), true, nil
}

// raw is the strings that hold schemas, as they are.
func (c *compiler) raw(a all, plain bool) (grammar.Node, bool, error) {
	p, ok, err := c.gather(a)
	if err != nil || !ok || p.types&isString == 0 {
		return 0, false, err
	}
	if len(p.choices) > 0 {
		return c.rawChoice(p, plain)
	}
	t := &p.strings
	e := re.Repeat(re.AnyRune().UTF8(), 0, re.Unbounded)
	switch {
	case len(p.enums) > 0:
		var texts []re.Expr
		for _, v := range p.enums[0] {
			ok, err := c.holds(v, p.items)
			if err != nil {
				return 0, false, err
			}
			if ok && sameWhenRead(v.text) {
				texts = append(texts, re.Text(v.text))
			}
		}
		if len(texts) == 0 {
			return 0, false, nil
		}
		e = re.Alt(texts...)
	case len(t.patterns) > 0:
		return 0, false, t.patterns[0].refuse("pattern", "it is not enforced where arguments are tags")
	case len(t.formats) > 0:
		return 0, false, t.formats[0].refuse("format", "it is not enforced where arguments are tags")
	case t.from != nil && t.from.get("minLength") != nil:
		return 0, false, t.from.refuse("minLength", "it is not enforced where arguments are tags")
	case t.from != nil:
		return 0, false, t.from.refuse("maxLength", "it is not enforced where arguments are tags")
	}
	d, err := re.Compile(c.w, e, re.MaxStates)
	if err == nil && !plain {
		var json *re.DFA
		if json, err = re.Compile(c.w, looksLikeJSON(), maxStates); err == nil {
			d, err = re.Minus(c.w, d, json, re.MaxStates)
		}
	}
	if err != nil {
		return 0, false, none(err)
	}
	return c.terminal(d), true, nil
}

// rawChoice is those of the branches of a choice.
func (c *compiler) rawChoice(p *spec, plain bool) (grammar.Node, bool, error) {
	first := p.choices[0]
	if first.kind == choiceOne {
		if err := c.checkDisjoint(p, first); err != nil {
			return 0, false, err
		}
	}
	var alts []grammar.Node
	for _, b := range first.branches {
		n, ok, err := c.raw(p.decide(first, b), plain)
		if err != nil {
			return 0, false, err
		}
		if ok {
			alts = append(alts, n)
		}
	}
	return c.alt(alts)
}

// sameWhenRead says whether a text is read as it was written: who reads it takes off the ends of
// lines around it, and the frame of CDATA.
func sameWhenRead(text string) bool {
	return text == "" || text[0] != '\n' && text[len(text)-1] != '\n' && text[0] != '<'
}

// looksLikeJSON is what may be JSON and no string: numbers and words, and all that begins as an
// object or an array does. Space around it does not count.
func looksLikeJSON() re.Expr {
	// unicode.White_Space
	space := re.Repeat(re.Runes{{'\t', '\r'}, {' ', ' '}, {0x85, 0x85}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
		{0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}}.UTF8(), 0, re.Unbounded)
	digits := re.Repeat(re.Range('0', '9'), 1, re.Unbounded)
	number := re.Seq(re.Opt(re.Text("-")), digits, re.Opt(re.Seq(re.Text("."), digits)), re.Opt(re.Seq(re.Of("eE"), re.Opt(re.Of("+-")), digits)))
	words := re.Alt(number, re.Text("true"), re.Text("false"), re.Text("null"))
	return re.Alt(re.Seq(space, words, space), re.Seq(space, re.Of("{["), anything))
}
