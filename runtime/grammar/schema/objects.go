package schema

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// member is a declared property.
type member struct {
	name     string
	value    grammar.Node
	required bool
}

// members are the properties of an object in the making. Their order is that of the schema, and
// others come behind them.
type members struct {
	c        *compiler
	p        *spec
	list     []member
	other    grammar.Node // a name and its value; only if has
	has      bool         // names that are not declared may come
	end      grammar.Node // a closing brace
	comma    grammar.Node
	made     map[[2]int]chained
	counting int // how many members are told apart
}

type chained struct {
	node grammar.Node
	ok   bool
}

// object is the objects that p asks for.
func (c *compiler) object(p *spec) (grammar.Node, bool, error) {
	m := &members{c: c, p: p, made: map[[2]int]chained{}}
	names := p.declared()
	// Each is looked for in what is required, and in each schema by its name.
	if err := c.w.Spend(len(names) * (1 + len(p.required)/4 + 4*len(p.object))); err != nil {
		return 0, false, err
	}
	for _, name := range names {
		a, err := c.property(p, name)
		if err != nil {
			return 0, false, err
		}
		n, ok, err := c.all(a)
		if err != nil {
			return 0, false, err
		}
		named := true
		if len(p.names) > 0 {
			named, err = c.holds(nameOf(name, p.items[0].s), p.names)
		}
		if err != nil {
			return 0, false, err
		}
		if required := in(p.required, name); ok && named {
			m.list = append(m.list, member{name, n, required})
		} else if required {
			return 0, false, nil
		}
	}
	if err := m.others(names); err != nil {
		return 0, false, err
	}
	if err := m.checkCounts(); err != nil {
		return 0, false, err
	}
	var err error
	if m.end, err = c.sign(true, "}"); err != nil {
		return 0, false, err
	}
	if m.comma, err = c.sign(false, ","); err != nil {
		return 0, false, err
	}
	open, err := c.sign(false, "{")
	if err != nil {
		return 0, false, err
	}
	inside, ok, err := m.from(0, 0)
	if err != nil || !ok {
		return 0, false, err
	}
	return c.b.Seq(open, inside), true, nil
}

// maxPatterns bounds the patternProperties of an object: names that match some are told apart from
// names that match others.
const maxPatterns = 6

// others makes the members of names that are not declared, if there may be such.
func (m *members) others(declared []string) error {
	names, err := m.names(declared)
	if names == nil || err != nil {
		return err
	}
	patterns := m.p.patterns()
	if len(patterns) > maxPatterns {
		return m.p.keyword("patternProperties").refuse("patternProperties", "more than %d patterns are not enforced", maxPatterns)
	}
	colon, err := re.Compile(m.c.w, punctuation(":"), maxStates)
	if err != nil {
		return err
	}
	var alts []grammar.Node
	for set := range 1 << len(patterns) {
		d, err := m.matching(names, patterns, set)
		if plain, _ := plainStrings(); err == nil && d == plain {
			d, err = plainNames()
		} else if err == nil && d != nil {
			d, err = re.Then(m.c.w, d, colon, re.MaxStates)
		}
		if err != nil {
			return fmt.Errorf("schema: the names of the properties: %w", err)
		}
		if d == nil {
			continue
		}
		value, ok, err := m.c.all(m.p.valuesOf(func(*value) *value { return nil }, func(x *value) bool {
			return set>>slices.Index(patterns, x)&1 != 0
		}))
		if err != nil {
			return err
		}
		if ok {
			alts = append(alts, m.c.b.Seq(m.c.terminal(d), value))
		}
	}
	m.other, m.has, err = m.c.alt(alts)
	return err
}

// matching is the names that match the patterns of a set and no others, nil for none.
func (m *members) matching(names *re.DFA, patterns []*value, set int) (*re.DFA, error) {
	for i, x := range patterns {
		like, err := m.c.namesLike(m.p, x)
		has := set>>i&1 != 0
		switch {
		case err != nil:
			return nil, err
		case like == nil && has:
			return nil, nil
		case like == nil:
			continue
		case has:
			names, err = re.Intersect(m.c.w, names, like, re.MaxStates)
		default:
			names, err = re.Minus(m.c.w, names, like, re.MaxStates)
		}
		if err != nil {
			return nil, none(err)
		}
	}
	return names, nil
}

// names are those that may come beside the declared ones, nil for none.
func (m *members) names(declared []string) (*re.DFA, error) {
	if len(declared) == 0 && len(m.p.names) == 0 && len(m.p.patterns()) == 0 {
		return plainStrings()
	}
	d, err := m.named()
	if d == nil || err != nil || len(declared) == 0 {
		return d, err
	}
	var texts []re.Expr
	for _, n := range declared {
		texts = append(texts, literal(n))
	}
	not, err := re.Compile(m.c.w, re.Alt(texts...), re.MaxStates)
	if err == nil {
		d, err = re.Minus(m.c.w, d, not, re.MaxStates)
	}
	if none(err) != nil {
		return nil, fmt.Errorf("schema: the names of the properties: %w", err)
	}
	return d, nil
}

// named are the strings that hold propertyNames, nil for none.
func (m *members) named() (*re.DFA, error) {
	p, ok, err := m.c.gather(m.p.names)
	switch {
	case err != nil || !ok || p.types&isString == 0:
		return nil, err
	case len(p.choices) > 0:
		return nil, m.p.keyword("propertyNames").refuse("propertyNames", "anyOf and oneOf of names are not enforced")
	case len(p.enums) == 0 && len(p.strings.patterns)+len(p.strings.formats) == 0 && p.strings.from == nil:
		return canonicalStrings()
	case len(p.enums) == 0:
		return m.c.patterned(&p.strings, true)
	}
	var texts []re.Expr
	for _, v := range p.enums[0] {
		holds, err := m.c.holds(v, p.items)
		if err != nil {
			return nil, err
		}
		if holds && v.kind == '"' {
			texts = append(texts, literal(v.text))
		}
	}
	d, err := re.Compile(m.c.w, re.Alt(texts...), re.MaxStates)
	return d, none(err)
}

// checkCounts refuses what other names would have to be counted for, since they may repeat.
func (m *members) checkCounts() error {
	p := m.p
	least := 0
	for _, x := range m.list {
		if x.required {
			least++
		}
	}
	if m.has && p.minProps > least+1 {
		return p.keyword("minProperties").refuse("minProperties", "names that are not declared may repeat, so that they are not counted: require more names, or give %d at most", least+1)
	}
	if m.counting = 1; p.minProps > 0 || p.maxProps != grammar.Unbounded {
		m.counting = max(1, min(p.minProps, maxChain), min(p.maxProps, len(m.list)+1))
	}
	if (len(m.list)+1)*(m.counting+1) > maxChain {
		return fmt.Errorf("schema: an object with more than %d combinations of properties and their number", maxChain)
	}
	return nil
}

// keyword is a schema that has one.
func (p *spec) keyword(name string) *value {
	for _, x := range p.items {
		if x.s.get(name) != nil {
			return x.s
		}
	}
	return p.items[0].s
}

// from is the members from list[i] on, and the closing brace, behind count members.
func (m *members) from(i, count int) (grammar.Node, bool, error) {
	count = min(count, m.counting)
	at := [2]int{i, count}
	if x, ok := m.made[at]; ok {
		return x.node, x.ok, nil
	}
	if i == len(m.list) {
		return m.rest(count)
	}
	var alts []grammar.Node
	x := m.list[i]
	if count < m.p.maxProps {
		after, ok, err := m.from(i+1, count+1)
		if err != nil {
			return 0, false, err
		}
		if ok {
			key, err := m.key(x.name, count > 0)
			if err != nil {
				return 0, false, err
			}
			alts = append(alts, m.c.b.Seq(key, x.value, after))
		}
	}
	if !x.required {
		after, ok, err := m.from(i+1, count)
		if err != nil {
			return 0, false, err
		}
		if ok {
			alts = append(alts, after)
		}
	}
	n, ok, err := m.c.alt(alts)
	m.made[at] = chained{n, ok}
	return n, ok, err
}

// key is a declared name, behind a comma or not.
func (m *members) key(name string, comma bool) (grammar.Node, error) {
	e := re.Seq(literal(name), punctuation(":"))
	if comma {
		e = re.Seq(punctuation(","), e)
	}
	n, _, err := m.c.expr(e)
	return n, err
}

// rest is members of other names and the closing brace, behind count members.
func (m *members) rest(count int) (grammar.Node, bool, error) {
	b, p := m.c.b, m.p
	least := max(0, p.minProps-count)
	most := grammar.Unbounded
	if p.maxProps != grammar.Unbounded {
		most = p.maxProps - count
	}
	if !m.has || most <= 0 {
		return m.end, least == 0, nil
	}
	more := func(min, max int) grammar.Node { return b.Repeat(b.Seq(m.comma, m.other), min, max) }
	if count > 0 {
		return b.Seq(more(least, most), m.end), true, nil
	}
	rest := most
	if most != grammar.Unbounded {
		rest--
	}
	some := b.Seq(m.other, more(max(0, least-1), rest), m.end)
	if least > 0 {
		return some, true, nil
	}
	return b.Alt(some, m.end), true, nil
}
