package kv

import (
	"fmt"
	"slices"
)

// Layer is the shape of one KV layer of a model: a layer that stores rows.
type Layer struct {
	Index    int // number of the model's layer, for messages
	Heads    int // KV heads
	KeyDim   int // values of a key head
	ValueDim int
	Window   int // positions that a query sees, itself included; 0 for all
}

// Shape is how much a cache holds.
type Shape struct {
	Size      int // positions of a sequence
	Batch     int // tokens placed at a time
	Sequences int // 0 for one
	Cells     int // rows of all sequences together, shared ones counted once; 0 for as many as Size
}

// full fills in what a zero stands for and checks the rest.
func (s Shape) full() (Shape, error) {
	if s.Sequences == 0 {
		s.Sequences = 1
	}
	if s.Cells == 0 || s.Sequences == 1 {
		s.Cells = s.Size
	}
	switch {
	case s.Size < 1 || s.Batch < 1 || s.Size > 1<<30:
		return s, fmt.Errorf("a cache of %d positions in batches of %d: both must be at least 1", s.Size, s.Batch)
	case s.Sequences < 1 || s.Sequences > MaxSequences:
		return s, fmt.Errorf("a cache of %d sequences: want 1 to %d", s.Sequences, MaxSequences)
	case s.Cells < 1 || s.Cells > 1<<30:
		return s, fmt.Errorf("a cache of %d cells: want 1 to %d", s.Cells, 1<<30)
	}
	return s, nil
}

// Cache holds the keys and values of sequences. One goroutine uses it at a time, except where
// Side.Store and Rows.Store allow more.
type Cache struct {
	Plan *Plan
	Shape

	layers []Rows
	groups []*group // of layers
	// cells of every row, whatever layer: one of groups, or a group without layers
	all    *group
	every  []*group // groups and all
	states []State  // of recurrent layers
	ends   []int32  // by sequence: its next position

	tokens []token // of the batch placed last
	one    [1]Run
}

// New allocates a cache of one sequence of size positions that are placed at most batch at a time.
func New(plan *Plan, size, batch int) (*Cache, error) {
	c, err := NewElsewhere(plan, size, batch)
	if err == nil {
		c.Hold()
	}
	return c, err
}

// NewElsewhere makes a cache whose rows somebody else keeps, such as a GPU. It gives out cells and
// knows which position each holds. It has rows only of layers that it is told to hold.
func NewElsewhere(plan *Plan, size, batch int) (*Cache, error) {
	return NewShape(plan, Shape{Size: size, Batch: batch})
}

// NewShape is NewElsewhere for any number of sequences.
func NewShape(plan *Plan, s Shape) (*Cache, error) {
	s, err := s.full()
	if err != nil {
		return nil, err
	}
	c := &Cache{Plan: plan, Shape: s, ends: make([]int32, s.Sequences)}
	for _, l := range plan.Layers {
		c.layers = append(c.layers, newRows(c.Plan.Table(), l, c.group(l.Layer.Window, l.Ends)))
	}
	c.every = c.groups
	for _, g := range c.groups {
		if g.window == 0 && g.exact == nil {
			c.all = g
		}
	}
	if c.all == nil {
		c.all = newGroup(0, Ends{}, s)
		c.every = append(slices.Clone(c.groups), c.all)
	}
	for _, g := range c.groups {
		g.all = c.all.packed
	}
	return c, nil
}

// Hold allocates the rows.
func (c *Cache) Hold() { c.HoldLayers(0, len(c.layers)) }

// HoldLayers allocates the rows of KV layers lo..hi-1.
func (c *Cache) HoldLayers(lo, hi int) {
	for _, l := range c.layers[lo:hi] {
		for _, s := range l.sides() {
			s.slab = make([]byte, s.Bytes())
		}
	}
}

// ReleaseLayers forgets the rows of KV layers lo..hi-1.
func (c *Cache) ReleaseLayers(lo, hi int) {
	for _, l := range c.layers[lo:hi] {
		for _, s := range l.sides() {
			s.slab = nil
		}
	}
}

// group returns the cells of all layers with this window. A layer that keeps exact rows gets cells
// of its own.
func (c *Cache) group(window int, e Ends) *group {
	for _, g := range c.groups {
		if g.window == window && !g.ends.on() && !e.on() {
			return g
		}
	}
	g := newGroup(window, e, c.Shape)
	c.groups = append(c.groups, g)
	return g
}

// Layer returns the packed rows of KV layer i.
func (c *Cache) Layer(i int) Pair { return c.layers[i].segments[0] }

// Rows returns all rows of KV layer i, packed and exact.
func (c *Cache) Rows(i int) *Rows { return &c.layers[i] }

// Len is the number of positions of sequence 0, which is the position that its next token takes.
func (c *Cache) Len() int { return int(c.ends[0]) }

// Place makes room for the next n positions of sequence 0. Their rows must then be stored in every
// layer: by Side.Store of the two sides or, in layers that keep exact rows, by Rows.Next and
// Rows.Store.
func (c *Cache) Place(n int) error {
	c.one[0] = Run{N: n}
	return c.PlaceRuns(c.one[:])
}

// PlaceRuns is Place for several sequences: the batch is the tokens of the first run, then those of
// the second and so on. A sequence has one run at most.
func (c *Cache) PlaceRuns(runs []Run) error {
	n := 0
	var seen Set
	for _, r := range runs {
		if err := c.known(r.Seq); err != nil {
			return err
		}
		switch {
		case r.N < 0:
			return fmt.Errorf("sequence %d has a run of %d tokens: want 0 or more", r.Seq, r.N)
		case seen.Has(r.Seq):
			return fmt.Errorf("a batch has two runs of sequence %d: want one", r.Seq)
		}
		seen |= Of(r.Seq)
		if n += r.N; n > c.Batch {
			return fmt.Errorf("a batch of %d tokens: the cache takes %d at a time", n, c.Batch)
		}
		if int(c.ends[r.Seq])+r.N > c.Size {
			return fmt.Errorf("the context of %d positions is full: %d in use, %d more asked for", c.Size, c.ends[r.Seq], r.N)
		}
	}
	if room := c.room(n); room < n {
		return fmt.Errorf("the cache of %d cells for %d sequences is full: %d are free, %d asked for", c.Cells, c.Sequences, room, n)
	}
	c.tokens = c.tokens[:0]
	for _, r := range runs {
		for i := range r.N {
			c.tokens = append(c.tokens, token{c.ends[r.Seq] + int32(i), r.Seq})
		}
	}
	c.bounds()
	for _, r := range runs {
		c.ends[r.Seq] += int32(r.N)
	}
	for _, g := range c.every {
		g.place(c.tokens)
	}
	return nil
}

// bounds tells all layers where the next query of every sequence will be, so that windows can let
// go of rows.
func (c *Cache) bounds() {
	for _, g := range c.groups {
		for seq, end := range c.ends {
			g.bound(seq, end)
		}
	}
}

// room counts free cells, up to n.
func (c *Cache) room(n int) int {
	if c.Sequences == 1 {
		return c.Size - int(c.ends[0])
	}
	return c.all.packed.room(n)
}

// Step is the most tokens of sequence 0 that KV layer i takes in one step. Layers that read its
// cache later find the same rows exact as the layer itself, as long as a batch is no larger.
func (c *Cache) Step(i int) int {
	c.one[0] = Run{N: c.Size}
	return c.StepRuns(i, c.one[:])
}

// StepRuns is how many tokens of runs KV layer i takes in one step.
func (c *Cache) StepRuns(i int, runs []Run) int { return c.layers[i].group.step(runs, c.ends) }

// Clear forgets everything.
func (c *Cache) Clear() {
	for _, g := range c.every {
		g.clear()
	}
	c.clearStates()
	clear(c.ends)
}

// Truncate forgets the positions of sequence 0 from n on, as TruncateSeq does.
func (c *Cache) Truncate(n int) error { return c.TruncateSeq(0, n) }

// Bytes is the memory of the rows and states.
func (c *Cache) Bytes() int {
	n := 0
	for _, l := range c.layers {
		for _, s := range l.sides() {
			n += s.Bytes()
		}
	}
	for _, s := range c.states {
		n += 4 * len(s.all)
	}
	return n
}
