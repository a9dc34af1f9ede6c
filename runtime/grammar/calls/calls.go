package calls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/grammar"
	re "github.com/kvgen/kvgen/runtime/grammar/regular"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
)

// Options say what may be written.
type Options struct {
	One  bool // one call at most
	Free bool // any text may come before the calls, and no call needs to come
}

// The bounds of a grammar.
const (
	maxCalls  = 256     // of a text: what chat's readers take
	maxStates = 1 << 13 // of a part of the markup
)

// tokens are those of a model, of which the control tokens of a markup are text.
type tokens struct {
	grammar.Tokens
	m *chat.Markup
}

func (t tokens) IsControl(id int32) bool {
	return t.Tokens.IsControl(id) && !t.m.Marker(t.Piece(id))
}

// Marked says whether a markup has control tokens, so that it needs a Vocabulary of its own.
func Marked(t grammar.Tokens, m *chat.Markup) bool {
	for id := range int32(t.Len()) {
		if t.IsControl(id) && m.Marker(t.Piece(id)) {
			return true
		}
	}
	return false
}

// Vocabulary is the tokens with which calls are written. Control tokens of the markup are among
// them.
func Vocabulary(t grammar.Tokens, m *chat.Markup) *grammar.Vocabulary {
	return grammar.NewVocabulary(tokens{t, m})
}

// compiler makes the grammar of calls.
type compiler struct {
	b       *grammar.Builder
	schemas *schema.Set
	m       *chat.Markup
	each    []grammar.Node // a call of each function
}

// Compile makes the grammar of calls of some functions, within re.MaxWork and until ctx ends.
func Compile(ctx context.Context, v *grammar.Vocabulary, m *chat.Markup, functions []chat.Tool, o Options) (*grammar.Grammar, error) {
	switch {
	case m.Family == "":
		return nil, errors.New("the chat template is of no family whose calls are known")
	case !m.Known():
		return nil, fmt.Errorf("there is no grammar of the calls of the family %s: they are only read", m.Family)
	case len(functions) == 0:
		return nil, errors.New("there are no functions")
	}
	if o.Free && m.Headed {
		return nil, fmt.Errorf("calls of the family %s are held only where one is required", m.Family)
	}
	b := grammar.NewBuilder(v, re.NewWork(ctx, re.MaxWork))
	c := &compiler{b: b, schemas: schema.NewSet(b), m: m}
	root, err := c.root(functions, o)
	if err != nil {
		return nil, err
	}
	return c.finish(root, functions)
}

// root is calls, and what may come before them.
func (c *compiler) root(functions []chat.Tool, o Options) (grammar.Node, error) {
	for i := range functions {
		n, err := c.call(&functions[i])
		if err != nil {
			return 0, fmt.Errorf("the function %q: %w", functions[i].Name, err)
		}
		c.each = append(c.each, n)
	}
	one := o.One || c.m.Single
	if o.Free {
		return c.behindText(one)
	}
	lead := re.Text(c.m.Open + c.m.Begin)
	if !c.m.Headed { // two ends of lines may stand between thinking and a call
		lead = re.Seq(re.Repeat(re.Text("\n"), 0, 2), lead)
	}
	calls, err := c.calls(lead, one)
	if err == nil && c.m.Thought != "" {
		return c.behindThought(calls)
	}
	return calls, err
}

// finish names the function of which there is no call.
func (c *compiler) finish(root grammar.Node, functions []chat.Tool) (*grammar.Grammar, error) {
	g, err := c.b.Finish(root)
	var left grammar.LeftRecursion
	switch {
	case errors.As(err, &left):
		return nil, fmt.Errorf("%s refers to itself", left.Rule)
	case errors.Is(err, grammar.ErrEndless):
		return nil, fmt.Errorf("the function %q: its parameters have no value that ends", functions[0].Name)
	case err != nil:
		return nil, err
	}
	for i, n := range c.each {
		if !g.Ends(n) {
			return nil, fmt.Errorf("the function %q: its parameters have no value that ends", functions[i].Name)
		}
	}
	return g, nil
}

// text is a terminal of a text.
func (c *compiler) text(s string) (grammar.Node, error) { return c.expr(re.Text(s)) }

func (c *compiler) expr(e re.Expr) (grammar.Node, error) {
	d, err := re.Compile(c.b.Work(), e, maxStates)
	if err != nil {
		return 0, err
	}
	return c.b.Terminal(d), nil
}

// calls is one of them, or several. lead is what is before the name of the first.
func (c *compiler) calls(lead re.Expr, one bool) (grammar.Node, error) {
	begin, err := c.expr(lead)
	if err != nil {
		return 0, err
	}
	call := c.b.Alt(c.each...)
	parts := []grammar.Node{begin, call}
	if !one {
		between, err := c.text(c.m.Between + c.m.Begin)
		if err != nil {
			return 0, err
		}
		parts = append(parts, c.b.Repeat(c.b.Seq(between, call), 0, maxCalls-1))
	}
	if c.m.Close != "" {
		end, err := c.text(c.m.Close)
		if err != nil {
			return 0, err
		}
		parts = append(parts, end)
	}
	return c.b.Seq(parts...), nil
}

// call is a call of one function, from its name on.
func (c *compiler) call(f *chat.Tool) (grammar.Node, error) {
	name, ok := c.m.Name(f.Name)
	if !ok {
		return 0, fmt.Errorf("the family %s has no way to write this name", c.m.Family)
	}
	head, err := c.text(name + c.m.Middle)
	if err != nil {
		return 0, err
	}
	parameters := []byte(f.Parameters)
	if len(parameters) == 0 {
		parameters = []byte(`{"additionalProperties": false}`)
	}
	arguments, err := c.arguments(f, parameters)
	if err != nil {
		return 0, err
	}
	if c.m.End == "" {
		return c.b.Seq(head, arguments), nil
	}
	end, err := c.text(c.m.End)
	return c.b.Seq(head, arguments, end), err
}

// arguments are those of a function, as an object or as tags.
func (c *compiler) arguments(f *chat.Tool, parameters []byte) (grammar.Node, error) {
	name := fmt.Sprintf("the function %q", f.Name)
	t := c.m.Tags
	if t == nil {
		return c.schemas.Objects(name, parameters)
	}
	return c.schemas.Tagged(name, parameters, &schema.Tags{Open: t.Open, Middle: t.Middle, Close: t.Close, Not: t.Not,
		Plain: func(argument string) bool { return chat.TextOnly(parameters, argument) }})
}

// anything is any text.
var anything = re.Repeat(re.Range(0, 255), 0, re.Unbounded)

// without is the texts of an expression that are none of others.
func (c *compiler) without(e re.Expr, others ...re.Expr) (*re.DFA, error) {
	all, err := re.Compile(c.b.Work(), e, maxStates)
	if err != nil {
		return nil, err
	}
	not, err := re.Compile(c.b.Work(), re.Alt(others...), maxStates)
	if err != nil {
		return nil, err
	}
	return re.Minus(c.b.Work(), all, not, maxStates)
}

// behindThought is calls, or thinking without a marker and calls.
func (c *compiler) behindThought(calls grammar.Node) (grammar.Node, error) {
	begin, err := c.text(c.m.Thought)
	if err != nil {
		return 0, err
	}
	text, err := c.without(anything, re.Seq(anything, re.Text("<|"), anything))
	if err != nil {
		return 0, err
	}
	end, err := c.text(c.m.Spoken)
	return c.b.Seq(c.b.Opt(c.b.Seq(begin, c.b.Terminal(text), end)), calls), err
}

// behindText is any text in which no call begins, and then calls or the end.
func (c *compiler) behindText(one bool) (grammar.Node, error) {
	begin := c.m.Open + c.m.Begin
	if c.m.Bare { // no text may come before a call
		return c.bare(one)
	}
	first := slices.IndexFunc(c.m.Marks, func(m string) bool { return strings.HasPrefix(begin, m) })
	if first < 0 {
		return 0, fmt.Errorf("calls of the family %s are held only where one is required", c.m.Family)
	}
	mark := re.Text(c.m.Marks[first])
	not := []re.Expr{re.Seq(anything, mark, re.Range(0, 255), anything)}
	for _, m := range c.m.Marks {
		if m != c.m.Marks[first] {
			not = append(not, re.Seq(anything, re.Text(m), anything))
		}
	}
	text, err := c.without(re.Seq(anything, mark), not...)
	if err != nil {
		return 0, err
	}
	calls, err := c.calls(re.Text(strings.TrimPrefix(begin, c.m.Marks[first])), one)
	return c.b.Seq(c.b.Open(text), calls), err
}

// bare is a text that does not begin as a call without markers does, or calls.
func (c *compiler) bare(one bool) (grammar.Node, error) {
	space := re.Repeat(re.Of(" \n\r\t"), 0, re.Unbounded)
	not := []re.Expr{re.Seq(space, re.Text("{"), anything)}
	for _, m := range c.m.Marks {
		not = append(not, re.Seq(anything, re.Text(m), anything))
	}
	text, err := c.without(anything, not...)
	if err != nil {
		return 0, err
	}
	calls, err := c.calls(re.Text(c.m.Open+c.m.Begin), one)
	return c.b.Alt(c.b.Terminal(text), calls), err
}
