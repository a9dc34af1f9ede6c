package gbnf

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/regular"
)

// The bounds of the automata that rules without recursion become. What is larger is put together
// from smaller ones.
const (
	maxStates = 1 << 11
	maxSize   = 1 << 14 // of an expression, before it is made an automaton
	maxFailed = 16      // automata that are begun in vain
)

// compiler makes the grammar of rules.
type compiler struct {
	b         *grammar.Builder
	rules     map[string]*rule
	recursive map[string]bool
	sizes     map[string]int
	nodes     map[string]grammar.Node
	terminals map[string]grammar.Node
	failed    int
}

// Compile makes the grammar of a text in GBNF, within regular.MaxWork and until ctx ends.
func Compile(ctx context.Context, v *grammar.Vocabulary, text string) (*grammar.Grammar, error) {
	rules, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{b: grammar.NewBuilder(v, regular.NewWork(ctx, regular.MaxWork)), rules: map[string]*rule{}, recursive: map[string]bool{}, sizes: map[string]int{},
		nodes: map[string]grammar.Node{}, terminals: map[string]grammar.Node{}}
	for _, r := range rules {
		c.rules[r.name] = r
	}
	if err := c.findRecursive(rules); err != nil {
		return nil, err
	}
	for _, r := range rules {
		c.nodes[r.name] = c.b.Rule(r.name)
	}
	for _, r := range rules {
		n, err := c.part(r.is)
		if err != nil {
			return nil, err
		}
		c.b.Define(c.nodes[r.name], n)
	}
	g, err := c.b.Finish(c.nodes["root"])
	var left grammar.LeftRecursion
	switch {
	case errors.As(err, &left):
		return nil, fmt.Errorf("gbnf: line %d: rule %s may begin with itself: left recursion is not enforced", c.rules[left.Rule].line, left.Rule)
	case err != nil:
		return nil, fmt.Errorf("gbnf: %w", err)
	}
	return g, nil
}

// refers calls meet with each rule that a part refers to. Parts nest as deeply as groups.
func refers(p *part, meet func(string)) {
	if p.op == reference {
		meet(p.rule)
	}
	for _, k := range p.kids {
		refers(k, meet)
	}
}

// maxChain is how many rules may refer to each other in a row.
const maxChain = 1000

// findRecursive marks the rules that reach themselves, or one that does, and finds sizes of others.
func (c *compiler) findRecursive(rules []*rule) error {
	const active, done = 1, 2
	mark := map[string]int{}
	var visit func(name string, depth int) error
	visit = func(name string, depth int) (err error) {
		if depth > maxChain {
			return fmt.Errorf("gbnf: line %d: more than %d rules refer to each other in a row", c.rules[name].line, maxChain)
		}
		mark[name] = active
		refers(c.rules[name].is, func(to string) {
			if mark[to] == 0 && err == nil {
				err = visit(to, depth+1)
			}
			if mark[to] == active || c.recursive[to] {
				c.recursive[name] = true
			}
		})
		mark[name] = done
		return err
	}
	for _, r := range rules {
		if mark[r.name] == 0 {
			if err := visit(r.name, 0); err != nil {
				return err
			}
		}
	}
	for changed := true; changed; { // what met an active rule was not known to be recursive then
		changed = false
		for _, r := range rules {
			refers(r.is, func(to string) {
				if c.recursive[to] && !c.recursive[r.name] {
					c.recursive[r.name], changed = true, true
				}
			})
		}
	}
	return nil
}

// size is about how many states an expression takes, maxSize+1 for too many and what recurs.
func (c *compiler) size(p *part) (n int) {
	const many = maxSize + 1
	switch p.op {
	case character:
		return min(8*len(p.runes), many)
	case reference:
		if c.recursive[p.rule] {
			return many
		}
		n, ok := c.sizes[p.rule]
		if !ok {
			n = c.size(c.rules[p.rule].is)
			c.sizes[p.rule] = n
		}
		return n
	case repetition:
		return min(max(1, p.min, p.max)*(1+c.size(p.kids[0])), many)
	}
	for _, k := range p.kids {
		n = min(n+1+c.size(k), many)
	}
	return n
}

// expr is a part without recursion as an expression.
func (c *compiler) expr(p *part) regular.Expr {
	switch p.op {
	case character:
		return p.runes.UTF8()
	case reference:
		return c.expr(c.rules[p.rule].is)
	case repetition:
		return regular.Repeat(c.expr(p.kids[0]), p.min, p.max)
	}
	var kids []regular.Expr
	for _, k := range p.kids {
		kids = append(kids, c.expr(k))
	}
	if p.op == choice {
		return regular.Alt(kids...)
	}
	return regular.Seq(kids...)
}

// terminal is a part as one automaton, false where it is too large.
func (c *compiler) terminal(p *part) (grammar.Node, bool, error) {
	if c.size(p) > maxSize || c.failed >= maxFailed && p.op != character {
		return 0, false, nil
	}
	d, err := regular.Compile(c.b.Work(), c.expr(p), maxStates)
	switch {
	case errors.As(err, new(regular.TooLarge)), errors.Is(err, regular.ErrNested):
		c.failed++
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("gbnf: %w", err)
	}
	key := d.Key()
	n, ok := c.terminals[key]
	if !ok {
		n = c.b.Terminal(d)
		c.terminals[key] = n
	}
	return n, true, c.b.Err()
}

// part is a terminal where that is possible, else it is put together.
func (c *compiler) part(p *part) (grammar.Node, error) {
	if n, ok, err := c.terminal(p); ok || err != nil {
		return n, err
	}
	switch p.op {
	case reference:
		return c.nodes[p.rule], nil
	case repetition:
		n, err := c.part(p.kids[0])
		most := p.max
		if most == regular.Unbounded {
			most = grammar.Unbounded
		}
		return c.b.Repeat(n, p.min, most), err
	case choice:
		kids, err := c.parts(p.kids)
		if err != nil {
			return 0, err
		}
		return c.b.Alt(kids...), c.b.Err()
	}
	kids := p.kids
	if !p.joined {
		kids = runs(kids, func(k *part) bool { return c.size(k) <= maxSize })
	}
	nodes, err := c.parts(kids)
	if err != nil {
		return 0, err
	}
	return c.b.Seq(nodes...), c.b.Err()
}

func (c *compiler) parts(parts []*part) (nodes []grammar.Node, err error) {
	for _, k := range parts {
		n, err := c.part(k)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// runs joins neighbours in a sequence that may become one automaton, unless these are all of it.
func runs(kids []*part, regular func(*part) bool) (joined []*part) {
	var run []*part
	flush := func() {
		switch len(run) {
		case 0:
		case 1, len(kids):
			joined = append(joined, run...)
		default:
			joined = append(joined, &part{op: sequence, kids: run, joined: true})
		}
		run = nil
	}
	for _, k := range kids {
		if !regular(k) {
			flush()
			joined = append(joined, k)
			continue
		}
		run = append(run, k)
	}
	flush()
	return joined
}
