package schema

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// The bounds of a compilation.
const (
	maxWork  = 5000    // combinations of schemas that are looked at
	maxChain = 1 << 14 // places in the properties of an object, or in the elements of an array
)

// Set makes schemas parts of one grammar. They share the bounds of a compilation and what is the
// same of their automata.
type Set struct {
	b      *grammar.Builder
	shared map[string]grammar.Node // terminals by their automata
	signs  map[string]grammar.Node // those of punctuation and numbers, by these
	w      *re.Work
	made   int    // combinations of schemas
	name   string // before the places of rules
	failed error  // of a terminal
}

// NewSet makes parts in b.
func NewSet(b *grammar.Builder) *Set {
	return &Set{b: b, w: b.Work(), shared: map[string]grammar.Node{}, signs: map[string]grammar.Node{}}
}

// compiler makes the grammar of one schema.
type compiler struct {
	*Set
	root    *value
	checked map[*value]bool
	anchors map[string]*value
	rules   map[string]*rule
	likes   map[*value]*re.DFA // by schemas of patternProperties
	avoid   *re.DFA            // texts that no terminal may have; nil for none
}

// rule is what some schemas together have become.
type rule struct {
	node grammar.Node
	made bool // it is no longer in the making
	used bool // it was met while it was in the making
	ok   bool
}

// Compile makes the grammar of a schema's values, within re.MaxWork and until ctx ends.
func Compile(ctx context.Context, v *grammar.Vocabulary, text []byte) (*grammar.Grammar, error) {
	s := NewSet(grammar.NewBuilder(v, re.NewWork(ctx, re.MaxWork)))
	n, err := s.add(text)
	if err != nil {
		return nil, err
	}
	return s.finish(n)
}

// Objects makes a part of the objects that are valid by a schema. Its rules are called by the name
// that is given and their place.
func (s *Set) Objects(name string, text []byte) (grammar.Node, error) {
	s.name = name + ": "
	object, err := parse([]byte(Object))
	if err != nil {
		return 0, err
	}
	object.step = "an object" // no place in the schema
	return s.add(text, item{s: object})
}

// add makes a part of the values that are valid by a schema, and by others.
func (s *Set) add(text []byte, others ...item) (grammar.Node, error) {
	c, err := s.compiler(text)
	if err != nil {
		return 0, err
	}
	n, ok, err := c.all(append(others, item{s: c.root}))
	if err == nil && !ok {
		err = errNothing
	}
	return n, err
}

// compiler reads the text of a schema.
func (s *Set) compiler(text []byte) (*compiler, error) {
	if err := s.w.Spend(perByte * len(text)); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{Set: s, root: root, checked: map[*value]bool{}, anchors: map[string]*value{},
		rules: map[string]*rule{}, likes: map[*value]*re.DFA{}}
	c.findAnchors(root)
	return c, nil
}

// perByte is the steps of reading a byte of a schema.
const perByte = 4

// Object is the text of a schema of any object, which is what OpenAI's json_object asks for.
const Object = `{"type": "object"}`

var errNothing = errors.New("schema: no value is valid")

func (s *Set) finish(n grammar.Node) (*grammar.Grammar, error) {
	g, err := s.b.Finish(n)
	var left grammar.LeftRecursion
	switch {
	case errors.As(err, &left):
		return nil, fmt.Errorf("schema: what holds at %s refers to itself", left.Rule)
	case errors.Is(err, grammar.ErrEndless):
		return nil, errNothing
	case err != nil:
		return nil, fmt.Errorf("schema: %w", err)
	}
	return g, nil
}

// all is what holds schemas together. Those that are met again refer to the same rule.
func (c *compiler) all(a all) (grammar.Node, bool, error) {
	key := a.key()
	if r := c.rules[key]; r != nil {
		r.used = r.used || !r.made
		return r.node, r.ok || !r.made, nil
	}
	name := "#"
	if len(a) > 0 {
		name = a[len(a)-1].s.at()
	}
	r := &rule{node: c.b.Rule(c.name + name)}
	c.rules[key] = r
	n, ok, err := c.value(a)
	if err = cmp.Or(err, c.failed, c.b.Err()); err != nil {
		return 0, false, err
	}
	if r.made, r.ok = true, ok; !ok {
		// Where it was taken for possible before, it is a text that never ends.
		n, _, err = c.expr(re.Text("x"))
		n = c.b.Seq(n, r.node)
	}
	c.b.Define(r.node, n)
	return r.node, ok, err
}

// value makes what holds a. False says that nothing does.
func (c *compiler) value(a all) (grammar.Node, bool, error) {
	p, ok, err := c.gather(a)
	if err != nil || !ok {
		return 0, false, err
	}
	if len(p.choices) > 0 {
		return c.choice(p)
	}
	if len(p.enums) > 0 {
		return c.enum(p)
	}
	var alts []grammar.Node
	for _, t := range []struct {
		bit  int
		make func(*spec) (grammar.Node, bool, error)
	}{{isObject, c.object}, {isArray, c.array}, {isString, c.string}, {isNumber, c.number}, {isNull | isBoolean, c.word}} {
		if p.types&t.bit == 0 {
			continue
		}
		n, ok, err := t.make(p)
		if err != nil {
			return 0, false, err
		}
		if ok {
			alts = append(alts, n)
		}
	}
	return c.alt(alts)
}

// alt is any of some; of none it is not ok.
func (c *compiler) alt(alts []grammar.Node) (grammar.Node, bool, error) {
	if len(alts) == 0 {
		return 0, false, nil
	}
	return c.b.Alt(alts...), true, nil
}

// choice is the branches of the first choice. Branches of oneOf must differ.
func (c *compiler) choice(p *spec) (grammar.Node, bool, error) {
	first := p.choices[0]
	if first.kind == choiceOne {
		if err := c.checkDisjoint(p, first); err != nil {
			return 0, false, err
		}
	}
	var alts []grammar.Node
	for _, b := range first.branches {
		n, ok, err := c.all(p.decide(first, b))
		if err != nil {
			return 0, false, err
		}
		if ok {
			alts = append(alts, n)
		}
	}
	return c.alt(alts)
}

// expr is a terminal of an expression, shared where it is the same.
func (c *compiler) expr(e re.Expr) (grammar.Node, bool, error) {
	d, err := re.Compile(c.w, e, maxStates)
	if err != nil {
		return 0, false, err
	}
	return c.terminal(d), true, nil
}

func (c *compiler) terminal(d *re.DFA) grammar.Node {
	key := d.Key()
	if c.avoid != nil {
		key += "without" + c.avoid.Key()
	}
	n, ok := c.shared[key]
	if !ok {
		n = c.spared(d, func(d *re.DFA) grammar.Node { return c.b.Terminal(d) })
		c.shared[key] = n
	}
	return n
}

// spared is a terminal without the texts that none may have. One that is left nothing never ends.
func (c *compiler) spared(d *re.DFA, make func(*re.DFA) grammar.Node) grammar.Node {
	if c.avoid == nil {
		return make(d)
	}
	less, err := re.Minus(c.w, d, c.avoid, re.MaxStates)
	switch {
	case err == nil:
		return make(less)
	case !errors.Is(err, re.ErrEmpty):
		c.failed = cmp.Or(c.failed, err)
	}
	never := c.b.Rule(c.name + "what has the markup of calls in it")
	c.b.Define(never, c.b.Seq(make(d), never))
	return never
}

// sign is punctuation as a terminal, with space before or behind it; no text has both.
func (c *compiler) sign(before bool, text string) (grammar.Node, error) {
	if n, ok := c.signs[text]; ok {
		return n, nil
	}
	e := punctuation(text)
	if before {
		e = re.Seq(space(), re.Text(text))
	}
	n, _, err := c.expr(e)
	c.signs[text] = n
	return n, err
}

// word is null, true and false.
func (c *compiler) word(p *spec) (grammar.Node, bool, error) {
	var words []re.Expr
	if p.types&isNull != 0 {
		words = append(words, re.Text("null"))
	}
	if p.types&isBoolean != 0 {
		words = append(words, re.Text("true"), re.Text("false"))
	}
	return c.expr(re.Alt(words...))
}

// enum is those of a list of values that hold everything else.
func (c *compiler) enum(p *spec) (grammar.Node, bool, error) {
	var texts []re.Expr
	for _, v := range p.enums[0] {
		ok, err := c.holds(v, p.items)
		if err != nil {
			return 0, false, err
		}
		if ok {
			texts = append(texts, spelled(v))
		}
	}
	if len(texts) == 0 {
		return 0, false, nil
	}
	d, err := re.Compile(c.w, re.Alt(texts...), maxEnum)
	if err != nil {
		i := 0
		for i < len(p.items)-1 && p.items[i].s.get("enum") == nil && p.items[i].s.get("const") == nil {
			i++
		}
		return 0, false, p.items[i].s.refuse("enum", "%v", err)
	}
	return c.terminal(d), true, nil
}

// maxEnum bounds the states of the values of an enum together.
const maxEnum = re.MaxStates

// spelled is a value as it is written: with the space that is allowed anywhere, and its names in
// their order.
func spelled(v *value) re.Expr {
	switch v.kind {
	case '"':
		return literal(v.text)
	case '0':
		return re.Text(digitsOf(v))
	case '{', '[':
		parts := []re.Expr{punctuation(string(v.kind))}
		for i, x := range v.list {
			if i > 0 {
				parts = append(parts, punctuation(","))
			}
			if v.kind == '{' {
				parts = append(parts, literal(v.names[i]), punctuation(":"))
			}
			parts = append(parts, spelled(x))
		}
		if len(v.list) > 0 {
			parts = append(parts, space())
		}
		return re.Seq(append(parts, re.Text(string(v.kind+2)))...)
	case 'n':
		return re.Text("null")
	case 't':
		return re.Text("true")
	}
	return re.Text("false")
}

// digitsOf is a number without needless digits, or as it was written where it has very many.
func digitsOf(v *value) string {
	if v.number.IsInt() {
		if s := v.number.Num().String(); len(s) <= number().Digits+1 {
			return s
		}
		return v.spelled
	}
	n := number().Fraction
	s := v.number.FloatString(n)
	if r, err := rational(s); err != nil || r.Cmp(v.number) != 0 {
		return v.spelled
	}
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	return s
}
