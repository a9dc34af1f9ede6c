package schema

import (
	"fmt"

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
	names := p.names()
	var declared []string
	for _, name := range names {
		n, ok, err := c.all(p.property(name))
		if err != nil {
			return 0, false, err
		}
		declared = append(declared, name)
		if required := in(p.required, name); ok {
			m.list = append(m.list, member{name, n, required})
		} else if required {
			return 0, false, nil
		}
	}
	if err := m.others(declared); err != nil {
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

// others makes the members of other names, if there may be such.
func (m *members) others(declared []string) error {
	value, ok, err := m.c.all(m.p.others())
	if err != nil || !ok {
		return err
	}
	strings := plainStrings
	if len(declared) > 0 {
		strings = canonicalStrings
	}
	d, err := strings()
	if err != nil {
		return err
	}
	if len(declared) > 0 {
		var texts []re.Expr
		for _, n := range declared {
			texts = append(texts, literal(n))
		}
		not, err := re.Compile(re.Alt(texts...), re.MaxStates)
		if err == nil {
			d, err = re.Minus(d, not, re.MaxStates)
		}
		if err != nil {
			return fmt.Errorf("schema: the names of the properties: %w", err)
		}
	}
	colon, err := re.Compile(punctuation(":"), maxStates)
	if err == nil {
		d, err = re.Then(d, colon, re.MaxStates)
	}
	if err != nil {
		return err
	}
	m.other, m.has = m.c.b.Seq(m.c.terminal(d), value), true
	return nil
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
