package kv

import "fmt"

// Layer is what one KV layer of a model needs stored.
type Layer struct {
	Index    int // of the model's layer, for messages
	Heads    int // KV heads
	KeyDim   int // values of a key head
	ValueDim int
	Window   int // positions that a query sees, itself included; 0 for all
}

// Cache holds one sequence. It is not for use from several goroutines, except for Side.Store and Rows.Store as they say.
type Cache struct {
	Plan *Plan
	Size int // positions it can hold

	layers []Rows
	groups []*group
	states []State // of recurrent layers
	batch  int
	end    int32 // the next position
}

// New allocates a cache of size positions that are placed at most batch at a time.
func New(plan *Plan, size, batch int) (*Cache, error) {
	c, err := NewElsewhere(plan, size, batch)
	if err == nil {
		c.Hold()
	}
	return c, err
}

// NewElsewhere is a cache whose rows are kept by somebody else, such as a GPU. It gives out cells and knows which position each
// holds; it has rows only between Hold and Release.
func NewElsewhere(plan *Plan, size, batch int) (*Cache, error) {
	if size < 1 || batch < 1 || size > 1<<30 {
		return nil, fmt.Errorf("a cache of %d positions in batches of %d: both must be at least 1", size, batch)
	}
	c := &Cache{Plan: plan, Size: size, batch: batch}
	for _, l := range plan.Layers {
		c.layers = append(c.layers, newRows(l, c.group(l.Layer.Window, l.Ends)))
	}
	return c, nil
}

// Hold allocates the rows.
func (c *Cache) Hold() {
	for _, l := range c.layers {
		for _, s := range l.sides() {
			s.slab = make([]byte, s.Bytes())
		}
	}
}

// Release forgets the rows.
func (c *Cache) Release() {
	for _, l := range c.layers {
		for _, s := range l.sides() {
			s.slab = nil
		}
	}
}

// group returns the cells of layers with this window, new ones for a layer that keeps exact rows.
func (c *Cache) group(window int, e Ends) *group {
	for _, g := range c.groups {
		if g.window == window && !g.ends.on() && !e.on() {
			return g
		}
	}
	g := newGroup(window, e, c.Size, c.batch)
	c.groups = append(c.groups, g)
	return g
}

// Layer is the packed rows of KV layer i.
func (c *Cache) Layer(i int) Pair { return c.layers[i].segments[0] }

// Rows is all that is held of KV layer i.
func (c *Cache) Rows(i int) *Rows { return &c.layers[i] }

// Len is the number of positions of the sequence, which is the position that the next token takes.
func (c *Cache) Len() int { return int(c.end) }

// Place makes room for the next n positions. Their rows must then be stored in every layer: by Side.Store of the two
// sides or, in layers that keep exact rows, by Rows.Next and Rows.Store.
func (c *Cache) Place(n int) error {
	if n > c.batch {
		return fmt.Errorf("a batch of %d tokens: the cache takes %d at a time", n, c.batch)
	}
	if int(c.end)+n > c.Size {
		return fmt.Errorf("the context of %d positions is full: %d in use, %d more asked for", c.Size, c.end, n)
	}
	for _, g := range c.groups {
		g.end = c.end + int32(n)
		if g.exact == nil {
			g.advance()
		}
	}
	c.end += int32(n)
	return nil
}

// Step is the most tokens that KV layer i takes in one step. A batch that is no larger leaves the same rows exact for
// layers that read its cache later as it does for the layer itself.
func (c *Cache) Step(i int) int { return c.layers[i].group.step() }

// Clear forgets everything.
func (c *Cache) Clear() {
	for _, g := range c.groups {
		g.clear()
	}
	c.clearStates()
	c.end = 0
}

// Truncate forgets the positions from n on. It fails, and changes nothing, where a sliding window has already dropped
// positions that the query at n would see, and where a layer is recurrent unless n is 0 or all. Rows that are packed stay
// so.
func (c *Cache) Truncate(n int) error {
	if n < 0 || n > int(c.end) {
		return fmt.Errorf("cannot truncate %d positions to %d", c.end, n)
	}
	if err := c.canForget(n); err != nil {
		return err
	}
	for _, g := range c.groups {
		if err := g.canTruncate(int32(n)); err != nil {
			return err
		}
	}
	for _, g := range c.groups {
		g.truncate(int32(n))
	}
	if n == 0 {
		c.clearStates()
	}
	c.end = int32(n)
	return nil
}

// Bytes is the memory of the rows and states.
func (c *Cache) Bytes() int {
	n := 0
	for _, l := range c.layers {
		for _, s := range l.sides() {
			n += s.Bytes()
		}
	}
	for _, s := range c.states {
		n += 4 * len(s.Values)
	}
	return n
}
