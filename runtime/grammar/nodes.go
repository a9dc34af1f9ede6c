package grammar

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/grammar/regular"
)

// Node is a part of a grammar that a Builder makes.
type Node int32

// The bounds of a grammar.
const (
	MaxNodes  = 1 << 16
	MaxStates = 1 << 18 // of all automata together
	MaxCount  = 1 << 24 // of a repetition or a counted terminal
	MaxDepth  = 512     // of the stack: a level of JSON takes one to three
)

// Unbounded is the max of a repetition without one.
const Unbounded = math.MaxInt32

type kind uint8

const (
	isTerminal kind = iota
	isSequence
	isChoice
	isRepetition
	isRule
)

// node is a part of a grammar.
type node struct {
	kind     kind
	nullable bool // that nothing is a text of it
	height   int32
	kids     []Node // one of a repetition and a rule
	open     bool   // of a terminal: the whole text may end within it
	min, max int32  // of a repetition, or of the items of a counted terminal
	tables   *tables
	name     string // of a rule
}

// Builder puts a grammar together. What it returns is valid in the same Builder only.
type Builder struct {
	v      *Vocabulary
	work   *regular.Work
	nodes  []node
	states int
	err    error
}

// NewBuilder makes a grammar of the tokens of v. What it takes is counted by w.
func NewBuilder(v *Vocabulary, w *regular.Work) *Builder { return &Builder{v: v, work: w} }

// Work counts what the grammar takes.
func (b *Builder) Work() *regular.Work { return b.work }

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *Builder) add(n node) Node {
	if len(b.nodes) >= MaxNodes {
		b.fail(fmt.Errorf("the grammar has more than %d parts", MaxNodes))
		return 0
	}
	b.nodes = append(b.nodes, n)
	return Node(len(b.nodes) - 1)
}

// Err is the first bound that was exceeded, if any.
func (b *Builder) Err() error { return cmp.Or(b.err, b.work.Err()) }

// Terminal is what an automaton accepts.
func (b *Builder) Terminal(d *regular.DFA) Node { return b.terminal(d, nil, 0, Unbounded) }

// Open is what an automaton accepts, as Terminal has it. The whole text may also end within it,
// whatever would follow.
func (b *Builder) Open(d *regular.DFA) Node {
	n := b.Terminal(d)
	if b.err == nil {
		b.nodes[n].open = true
	}
	return n
}

// Counted is what an automaton accepts with min to max of its items. min is at most max, and max at
// least what the automaton needs.
func (b *Builder) Counted(c *regular.Counter, min, max int) Node {
	return b.terminal(c.DFA, c, b.count(min), b.count(max))
}

// count checks a bound that a grammar gives.
func (b *Builder) count(n int) int32 {
	if n != Unbounded && (n < 0 || n > MaxCount) {
		b.fail(fmt.Errorf("a count may be 0 to %d: %d", MaxCount, n))
		return 0
	}
	return int32(n)
}

func (b *Builder) terminal(d *regular.DFA, c *regular.Counter, min, max int32) Node {
	if b.states += d.Len(); b.states > MaxStates {
		b.fail(fmt.Errorf("the automata of the grammar have more than %d states", MaxStates))
		return 0
	}
	return b.add(node{kind: isTerminal, nullable: d.Accepts(0), min: min, max: max, tables: b.v.tablesOf(d, c)})
}

// Seq is one after the other; of none, nothing.
func (b *Builder) Seq(kids ...Node) Node {
	if len(kids) == 1 {
		return kids[0]
	}
	return b.add(node{kind: isSequence, kids: kids})
}

// Alt is any of them, of which there is one at least.
func (b *Builder) Alt(kids ...Node) Node {
	switch len(kids) {
	case 0:
		b.fail(errors.New("a choice of nothing"))
		return 0
	case 1:
		return kids[0]
	}
	return b.add(node{kind: isChoice, kids: kids})
}

// Opt is n or nothing.
func (b *Builder) Opt(n Node) Node { return b.Repeat(n, 0, 1) }

// Repeat is n, min to max times.
func (b *Builder) Repeat(n Node, min, max int) Node {
	return b.add(node{kind: isRepetition, kids: []Node{n}, min: b.count(min), max: b.count(max)})
}

// Rule is a part that Define gives later, so that it may contain itself.
func (b *Builder) Rule(name string) Node { return b.add(node{kind: isRule, name: name}) }

// Define says what a rule is.
func (b *Builder) Define(rule, is Node) {
	if b.err == nil {
		b.nodes[rule].kids = []Node{is}
	}
}

// Grammar is what a text must be. It is immutable, so any number of goroutines may share it.
type Grammar struct {
	v     *Vocabulary
	nodes []node
	root  Node
}

// Vocabulary is that of the grammar's tokens.
func (g *Grammar) Vocabulary() *Vocabulary { return g.v }

// Ends says whether a part of the grammar, which its Builder gave, has a text that ends.
func (g *Grammar) Ends(n Node) bool { return g.nodes[n].height < endless }

// Nodes is the number of parts, States that of all automata.
func (g *Grammar) Nodes() int { return len(g.nodes) }

// States is the number of states of all automata of the grammar.
func (g *Grammar) States() (n int) {
	for i := range g.nodes {
		if t := g.nodes[i].tables; t != nil {
			n += t.dfa.Len()
		}
	}
	return n
}

// LeftRecursion is a rule that may begin with itself.
type LeftRecursion struct{ Rule string }

func (l LeftRecursion) Error() string {
	return fmt.Sprintf("rule %s may begin with itself, which is left recursion", l.Rule)
}

// ErrEndless is a grammar without a finite text.
var ErrEndless = errors.New("no text of the grammar ends")

// Finish is the grammar of root. The error names what is left recursive or too large. Parts of
// which no text ends are never entered; a root of which none does is ErrEndless.
func (b *Builder) Finish(root Node) (*Grammar, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	g := &Grammar{v: b.v, nodes: b.nodes, root: root}
	for i := range g.nodes {
		if n := &g.nodes[i]; n.kind == isRule && len(n.kids) == 0 {
			return nil, fmt.Errorf("rule %s is not defined", n.name)
		}
	}
	if err := g.settle(b.work, g.markNullable); err != nil {
		return nil, err
	}
	if err := g.leftRecursion(); err != nil {
		return nil, err
	}
	for i := range g.nodes {
		if g.nodes[i].kind != isTerminal {
			g.nodes[i].height = endless
		}
	}
	if err := g.settle(b.work, g.lowerHeight); err != nil {
		return nil, err
	}
	if err := g.checkHeights(); err != nil {
		return nil, err
	}
	g.prepare(b.work)
	return g, b.work.Err()
}

// maxPrepared is how many nodes of the trie are looked at before a grammar is used.
const maxPrepared = 1 << 25

// prepare finds token sets before they are wanted, so that no step waits for one. What is beyond
// the bound is found when it is wanted.
func (g *Grammar) prepare(w *regular.Work) {
	work := 0
	for i := range g.nodes {
		t := g.nodes[i].tables
		if t == nil {
			continue
		}
		for s := range t.sets {
			if t.sets[s].Load() != nil {
				continue
			}
			if work > maxPrepared || w.Spend(1) != nil {
				return
			}
			work += g.v.set(t, int32(s)).work
		}
	}
}

// settle has better improve nodes until it improves none. Parts are made before what contains them,
// so that only rules take more than one round.
func (g *Grammar) settle(w *regular.Work, better func(*node) bool) error {
	for changed := true; changed; {
		if changed = false; w.Spend(len(g.nodes)) != nil {
			return w.Err()
		}
		for i := range g.nodes {
			changed = better(&g.nodes[i]) || changed
		}
	}
	return nil
}

// markNullable notes that nothing is a text of a node.
func (g *Grammar) markNullable(n *node) bool {
	if n.nullable || !g.isNullable(n) {
		return false
	}
	n.nullable = true
	return true
}

func (g *Grammar) isNullable(n *node) bool {
	switch n.kind {
	case isSequence:
		for _, k := range n.kids {
			if !g.nodes[k].nullable {
				return false
			}
		}
		return true
	case isChoice:
		for _, k := range n.kids {
			if g.nodes[k].nullable {
				return true
			}
		}
	case isRepetition:
		return n.min == 0 || g.nodes[n.kids[0]].nullable
	case isRule:
		return g.nodes[n.kids[0]].nullable
	}
	return false
}

// starts are the kids with which a text of a node may begin.
func (g *Grammar) starts(n *node) []Node {
	if n.kind != isSequence {
		return n.kids
	}
	for i, k := range n.kids {
		if !g.nodes[k].nullable {
			return n.kids[:i+1]
		}
	}
	return n.kids
}

// leftRecursion looks for a node that may begin with itself. The search keeps its own stack: a
// grammar may nest as deeply as it has nodes.
func (g *Grammar) leftRecursion() error {
	const active, done = 1, 2
	mark := make([]uint8, len(g.nodes))
	type place struct {
		n    Node
		next int
	}
	for i := range g.nodes {
		if mark[i] != 0 {
			continue
		}
		stack := []place{{n: Node(i)}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			mark[top.n] = active
			kids := g.starts(&g.nodes[top.n])
			if top.next == len(kids) {
				mark[top.n] = done
				stack = stack[:len(stack)-1]
				continue
			}
			k := kids[top.next]
			top.next++
			switch mark[k] {
			case 0:
				stack = append(stack, place{n: k})
			case active:
				for j := len(stack) - 1; j >= 0; j-- {
					if r := &g.nodes[stack[j].n]; r.kind == isRule {
						return LeftRecursion{r.name}
					}
				}
				return LeftRecursion{"?"}
			}
		}
	}
	return nil
}

// endless is the height of what has no finite text.
const endless = math.MaxInt32 / 2

// lowerHeight notes how far the shortest way through a node makes the stack grow.
func (g *Grammar) lowerHeight(n *node) bool {
	h := g.heightOf(n)
	if h >= n.height {
		return false
	}
	n.height = h
	return true
}

// checkHeights looks for a root without an end.
func (g *Grammar) checkHeights() error {
	if g.nodes[g.root].height >= endless {
		return ErrEndless
	}
	if g.nodes[g.root].height > MaxDepth {
		return fmt.Errorf("every text nests more than %d parts", MaxDepth)
	}
	return nil
}

func (g *Grammar) heightOf(n *node) (h int32) {
	switch n.kind {
	case isSequence:
		for i, k := range n.kids {
			own := g.nodes[k].height
			if i+1 < len(n.kids) {
				own++
			}
			h = max(h, min(own, endless))
		}
	case isChoice:
		h = endless
		for _, k := range n.kids {
			h = min(h, g.nodes[k].height)
		}
	case isRepetition:
		if n.min > 0 {
			h = g.nodes[n.kids[0]].height + 1
		}
	case isRule:
		h = g.nodes[n.kids[0]].height
	}
	return min(h, endless)
}
