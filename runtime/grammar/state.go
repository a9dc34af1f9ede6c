package grammar

import (
	"errors"
	"fmt"
)

// The bounds of one step.
const (
	maxThreads = 1024
	maxWork    = 1 << 21 // threads and nodes that a mask or a token may visit
	maxNesting = 4096    // of parts that a byte may enter or leave at once
)

// ErrAmbiguous is what a State ends with where a text has too many readings to follow them all.
var ErrAmbiguous = fmt.Errorf("grammar: the text has more than %d readings, or they take more than %d steps", maxThreads, maxWork)

// ErrStuck is what a State ends with where no token of the vocabulary goes on.
var ErrStuck = errors.New("grammar: no token of the vocabulary continues the text")

// State is how far a text has come in a grammar. It is for one goroutine.
type State struct {
	g       *Grammar
	threads []thread
	done    bool // the text is complete as it is
	err     error
	ended   bool // by a token that ends texts
	mask    Mask
	tokens  int
}

// thread is one reading of a text: where it is in a terminal, and what follows that.
type thread struct {
	node  Node // the terminal
	state int32
	items int32 // of a counted terminal, begun
	up    *frame
}

// frame is what a sequence or a repetition goes on with. Frames do not change, so that readings
// share them.
type frame struct {
	up    *frame
	hash  uint64
	node  Node
	count int32 // kids of a sequence that are done, repetitions that have begun
	depth int32
}

func push(up *frame, n Node, count int32) *frame {
	f := &frame{up: up, node: n, count: count, depth: 1}
	h := uint64(0x9E3779B97F4A7C15)
	if up != nil {
		f.depth, h = up.depth+1, up.hash
	}
	h = (h ^ uint64(n)<<32 ^ uint64(uint32(count))) * 0xD6E8FEB86659FD93
	f.hash = h ^ h>>32
	return f
}

func (f *frame) level() int32 {
	if f == nil {
		return 0
	}
	return f.depth
}

// same says whether two stacks are equal.
func same(a, b *frame) bool {
	for a != b {
		if a == nil || b == nil || a.hash != b.hash || a.node != b.node || a.count != b.count || a.depth != b.depth {
			return false
		}
		a, b = a.up, b.up
	}
	return true
}

// closure collects threads, and follows what begins or ends without a byte.
type closure struct {
	g     *Grammar
	out   []thread
	done  bool
	fresh []*frame // of repetitions that have begun since the last byte, where nothing is one
	work  *int
	fail  bool
}

func (c *closure) full(nesting int) bool {
	if *c.work++; *c.work > maxWork || nesting > maxNesting || len(c.out) > maxThreads {
		c.fail = true
	}
	return c.fail
}

// put adds a thread that is not there yet, and leaves its terminal where that may end.
func (c *closure) put(t thread, nesting int) {
	for i := range c.out {
		if o := &c.out[i]; o.node == t.node && o.state == t.state && o.items == t.items && same(o.up, t.up) {
			return
		}
	}
	*c.work += len(c.out) / 8
	n := &c.g.nodes[t.node]
	ends := n.tables.dfa.Accepts(t.state)
	if !n.tables.final[t.state] {
		c.out = append(c.out, t)
		c.done = c.done || n.open && !ends
	}
	if ends {
		c.leave(t.up, nesting+1)
	}
}

// enter begins a node, if its end fits on the stack.
func (c *closure) enter(id Node, up *frame, nesting int) {
	n := &c.g.nodes[id]
	if c.full(nesting) || up.level()+n.height > MaxDepth {
		return
	}
	switch n.kind {
	case isTerminal:
		c.put(thread{node: id, up: up}, nesting+1)
	case isSequence:
		c.next(id, 0, up, nesting+1)
	case isChoice:
		for _, k := range n.kids {
			c.enter(k, up, nesting+1)
		}
	case isRepetition:
		c.again(id, 0, up, nesting+1)
	case isRule:
		c.enter(n.kids[0], up, nesting+1)
	}
}

// next enters a kid of a sequence, or leaves the sequence behind the last.
func (c *closure) next(id Node, i int32, up *frame, nesting int) {
	kids := c.g.nodes[id].kids
	switch int(i) {
	case len(kids):
		c.leave(up, nesting)
	case len(kids) - 1:
		c.enter(kids[i], up, nesting)
	default:
		c.enter(kids[i], push(up, id, i+1), nesting)
	}
}

// again enters the body of a repetition that has begun count times, and leaves it if it may end.
func (c *closure) again(id Node, count int32, up *frame, nesting int) {
	n := &c.g.nodes[id]
	empty := c.g.nodes[n.kids[0]].nullable
	if count < n.max {
		next := count + 1
		if n.max == Unbounded {
			next = min(next, n.min) // more make no difference
		}
		f := push(up, id, next)
		if empty {
			c.fresh = append(c.fresh, f)
		}
		c.enter(n.kids[0], f, nesting)
	}
	if count >= n.min || empty {
		c.leave(up, nesting)
	}
}

// leave goes on behind what has ended.
func (c *closure) leave(up *frame, nesting int) {
	if c.full(nesting) {
		return
	}
	if up == nil {
		c.done = true
		return
	}
	if c.g.nodes[up.node].kind == isSequence {
		c.next(up.node, up.count, up.up, nesting+1)
		return
	}
	for _, f := range c.fresh {
		if f == up {
			return // nothing was repeated
		}
	}
	c.again(up.node, up.count, up.up, nesting+1)
}

// step is the threads after a byte, put into out.
func (g *Grammar) step(threads []thread, b byte, out []thread, work *int) (after []thread, done, fail bool) {
	c := closure{g: g, out: out[:0], work: work}
	for i := range threads {
		t := threads[i]
		n := &g.nodes[t.node]
		to, begins, ends := n.tables.step(t.state, b)
		if to < 0 {
			continue
		}
		if begins {
			if t.items++; n.max == Unbounded {
				t.items = min(t.items, n.min)
			}
		}
		if ends && t.items < n.min || t.items > n.max-n.tables.need(to) {
			continue
		}
		t.state = to
		if c.put(t, 0); c.full(0) {
			break
		}
	}
	return c.out, c.done, c.fail
}

// Start is a text of nothing yet.
func (g *Grammar) Start() *State {
	s := &State{g: g}
	work := 0
	c := closure{g: g, work: &work}
	c.enter(g.root, nil, 0)
	s.threads, s.done = c.out, c.done
	if c.fail {
		s.err = ErrAmbiguous
	}
	return s
}

// Clone is the same text, which goes on by itself.
func (s *State) Clone() *State {
	c := *s
	c.threads, c.mask = append([]thread(nil), s.threads...), nil
	return &c
}

// Done says whether the text is complete as it is. Tokens that end a text are allowed then, and
// only then.
func (s *State) Done() bool { return s.done && s.err == nil }

// Over says whether the text is complete and nothing may follow.
func (s *State) Over() bool { return s.Done() && (s.ended || len(s.threads) == 0) }

// Accept goes on by a token. One that is not allowed is an error, and so is all that follows it.
func (s *State) Accept(token int32) error {
	if s.err != nil {
		return s.err
	}
	v := s.g.v
	for _, id := range v.end {
		if id == token && s.done && !s.ended {
			s.ended, s.threads = true, nil
			return nil
		}
	}
	if text := v.piece(token); (text == "" || s.ended || !s.advance(text)) && s.err == nil {
		s.err = fmt.Errorf("grammar: token %d is not allowed after %d tokens", token, s.tokens)
	}
	s.tokens++
	return s.err
}

// AcceptText goes on by a text, however it may be cut into tokens, and says whether the grammar has
// texts that begin so.
func (s *State) AcceptText(text string) bool {
	return s.err == nil && !s.ended && s.advance(text)
}

// advance goes on by bytes. Where that is not allowed the state stays as it is.
func (s *State) advance(text string) bool {
	work, threads, done, fail := 0, s.threads, s.done, false
	var out [2][]thread // s.threads stay as they are
	for i := range len(text) {
		if threads, done, fail = s.g.step(threads, text[i], out[i&1], &work); fail {
			s.err = ErrAmbiguous
			return false
		}
		if len(threads) == 0 && !done {
			return false
		}
		out[i&1] = threads
	}
	s.threads, s.done = threads, done
	return true
}
