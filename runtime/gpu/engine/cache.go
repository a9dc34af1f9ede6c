package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// cache is the device's side of a kv.Cache, which gives out cells and knows what each holds.
type cache struct {
	e        *engine
	host     *kv.Cache
	lists    *cells.Lists
	layers   []*layerRows  // of the stage's KV layers
	states   []*gpu.Buffer // by number, of the stage's recurrent layers
	graphs   map[graphKey]*gpu.Recording
	seen     map[graphKey]bool // run once, so that everything that grows has grown
	runs     []kv.Run          // of the batch that was placed last
	partRuns []kv.Run          // those of some of its tokens
	// all layers take the batch in one step, and no sequence has more than one token: it may be a
	// graph
	steady bool
	owned  []interface{ Free() error }
}

// graphKey is what a recorded batch depends on.
type graphKey struct {
	tokens int // each of a sequence of its own

	// Of each layer: the power of two of its cells, which decides into how many parts attention is
	// cut, and where rows are kept exact, to which segment the token goes and whether rows leave.
	layers string
	grown  int // pieces that have been allocated anew since, to which older graphs point
}

// layerRows is the rows of a KV layer.
type layerRows struct {
	host   *kv.Rows
	pairs  []rows.Pair    // of segments, the packed rows first
	rows   []rows.Segment // of segments
	cells  []int          // numbers of their cells in lists
	offset *attend.Offset // nil for none
	evict  *rows.Evict    // nil without exact rows
	heads  []*qkv.Kernel  // of segments
	splits int            // of the packed rows, for the cells in use
	given  int            // tokens of the batch that have cells already; of exact rows

	several bool // they are of several sequences
}

// newCache allocates the rows of a cache and compiles what stores them.
func (e *engine) newCache(host *kv.Cache) (*cache, error) {
	c := &cache{e: e, host: host, graphs: map[graphKey]*gpu.Recording{}, seen: map[graphKey]bool{}}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *cache) start() error {
	var all []*cells.Listed
	first := c.e.span.KV.Lo
	for i := first; i < c.e.span.KV.Hi; i++ {
		r := &layerRows{host: c.host.Rows(i), several: c.host.Sequences > 1}
		c.layers = append(c.layers, r)
		for _, s := range r.host.Segments() {
			n := slices.IndexFunc(all, func(x *cells.Listed) bool { return x.Host == s.K.Cells })
			if n < 0 {
				n = len(all)
				all = append(all, &cells.Listed{Host: s.K.Cells, Window: c.host.Plan.Layers[i].Layer.Window, Exact: r.host.Exact()})
			}
			r.cells = append(r.cells, n)
		}
	}
	var err error
	if c.lists, err = cells.NewLists(c.e.b.Queue, all, c.host.Shape, c.e.batch); err != nil {
		return err
	}
	c.owned = append(c.owned, c.lists.Device)
	for i, r := range c.layers {
		if err := c.layer(first+i, r); err != nil {
			return fmt.Errorf("layer %d: %w", c.host.Plan.Layers[first+i].Layer.Index, err)
		}
	}
	return c.addStates()
}

func sideOf(s *kv.Side) rows.Side { return rows.Side{Type: s.Type, Rotation: s.Rotation, Dim: s.Dim} }

// layer allocates the rows of a layer.
func (c *cache) layer(i int, r *layerRows) error {
	q := c.e.b.Queue
	for k, s := range r.host.Segments() {
		pair := rows.Pair{Key: sideOf(s.K), Value: sideOf(s.V)}
		keys, err := rows.New(q, pair.Key, true, s.K.Heads, s.K.Cells.Capacity())
		if err != nil {
			return err
		}
		c.owned = append(c.owned, keys)
		values, err := rows.New(q, pair.Value, false, s.V.Heads, s.V.Cells.Capacity())
		if err != nil {
			return err
		}
		c.owned = append(c.owned, values)
		h, err := c.e.qkvOf(pair)
		if err != nil {
			return err
		}
		r.pairs, r.heads = append(r.pairs, pair), append(r.heads, h)
		r.rows = append(r.rows, rows.Segment{Keys: keys, Values: values, Cells: c.lists.Cells[r.cells[k]].Device})
	}
	if len(r.pairs) > 1 {
		var err error
		if r.evict, err = c.e.evictOf(r.pairs[0], r.pairs[1]); err != nil {
			return err
		}
	}
	if o := c.host.Plan.Layers[i].K.Effective.Offset; o != nil {
		if err := c.offset(i, r, o); err != nil {
			return err
		}
	}
	for _, o := range c.e.ops {
		if a, ok := o.(*attention); ok && a.s.KV == i {
			if err := a.reserve(c.e, r, c.host.Sequences); err != nil {
				return err
			}
		}
	}
	return nil
}

// offset takes what was taken out of the keys of a layer to the device.
func (c *cache) offset(i int, r *layerRows, o *kv.Offset) error {
	mu, err := c.e.b.Alloc(uint64(4 * len(o.Layers[i].Mu)))
	if err != nil {
		return err
	}
	c.owned = append(c.owned, mu)
	tables, err := c.e.ropeTablesOf(i)
	if err != nil {
		return err
	}
	r.offset = &attend.Offset{Mu: mu, Rope: tables}
	return gpu.Write(mu, 0, o.Layers[i].Mu)
}

// place brings what the cache says of a batch to the device. Layers that keep exact rows are still
// to be given theirs, a step at a time, unless each of the batch's sequences has one token: then
// they are given those of the first step, which mostly is all.
func (c *cache) place(tokens []int32, runs []kv.Run) error {
	n, l := len(tokens), c.lists
	c.runs = c.runs[:0]
	for _, r := range runs {
		if r.N > 0 {
			c.runs = append(c.runs, r)
		}
	}
	l.Batch(tokens, c.runs, c.host)
	l.WriteRuns(c.runs, false)
	c.steady = n == len(c.runs)
	for i, x := range l.Cells {
		if !x.Exact || !l.Several() {
			l.Mirror(i, n, 0)
		}
	}
	l.Kept = l.End
	for _, r := range c.layers {
		if r.given = 0; c.steady && r.host.Exact() {
			r.given = r.host.Next()
			c.writeStep(r, n, 0)
		}
	}
	for _, r := range c.layers {
		c.steady = c.steady && (!r.host.Exact() || r.given == n)
		c.measureSplits(r)
	}
	if !c.steady {
		l.End = l.Kept // layers with exact rows take turns there
	}
	return l.Send(n)
}

// measureSplits notes how many cells a layer's packed rows have in use.
func (c *cache) measureSplits(r *layerRows) {
	r.splits = bits.Len(uint(max(c.lists.Cells[r.cells[0]].Used, 1) - 1))
}

// step brings what the last Next of a layer gave to the tokens lo..hi-1 of a batch of n to the
// device.
func (c *cache) step(r *layerRows, n, lo, hi int) error {
	c.lists.End = c.lists.Kept
	c.writeStep(r, n, lo)
	c.lists.WriteRuns(c.part(lo, hi), true)
	c.measureSplits(r)
	return c.lists.Send(n)
}

// writeStep writes what the last Next of a layer gave to the tokens of a batch of n from lo on,
// beside what other layers have been given.
func (c *cache) writeStep(r *layerRows, n, lo int) {
	from, to := r.host.Evictions()
	c.lists.WriteEvicted(r.cells[0], n, from, to)
	for _, i := range r.cells {
		c.lists.Mirror(i, n, lo)
	}
}

// part is the runs of tokens lo..hi-1 of the batch, valid until the next call.
func (c *cache) part(lo, hi int) []kv.Run {
	c.partRuns = c.partRuns[:0]
	first := 0
	for _, r := range c.runs {
		if n := min(first+r.N, hi) - max(first, lo); n > 0 {
			c.partRuns = append(c.partRuns, kv.Run{Seq: r.Seq, N: n})
		}
		first += r.N
	}
	return c.partRuns
}

// key is what the graph of the batch that was placed last depends on.
func (c *cache) key() graphKey {
	k := graphKey{tokens: len(c.runs), grown: c.e.b.Grown()}
	var layers []byte
	for _, r := range c.layers {
		layers = append(layers, byte(r.splits))
		if r.host.Exact() {
			from, _ := r.host.Evictions()
			layers = append(layers, byte('0'+2*r.host.Target()+min(1, len(from))))
		}
	}
	k.layers = string(layers)
	return k
}

// mostGraphs bounds the graphs of a cache, which the device keeps in memory that nobody counts:
// those of a text that grows are one for each power of two, but of sequences that come and go each
// number has its own.
const mostGraphs = 64

// keep remembers a graph. Those go that nothing can use any more, because what they point to was
// allocated anew, and all others where there are too many.
func (c *cache) keep(key graphKey, g *gpu.Recording) error {
	var all []error
	full := len(c.graphs) >= mostGraphs
	for k, old := range c.graphs {
		if full || k.grown != key.grown {
			all = append(all, old.Close())
			delete(c.graphs, k)
		}
	}
	c.graphs[key] = g
	return errors.Join(all...)
}

// Pull, Push and Close are those of program.StageRows.
func (c *cache) Pull() error { return errors.Join(c.each(pull), c.pullStates()) }

func (c *cache) Push() error { return errors.Join(c.each(push), c.pushStates()) }

// Close frees the rows and the graphs that use them.
func (c *cache) Close() error {
	var all []error
	for _, g := range c.graphs {
		all = append(all, g.Close())
	}
	for i := len(c.owned) - 1; i >= 0; i-- {
		all = append(all, c.owned[i].Free())
	}
	c.graphs, c.owned = map[graphKey]*gpu.Recording{}, nil
	for _, o := range c.e.ops {
		if a, ok := o.(*attention); ok {
			maps.DeleteFunc(a.attends, func(k attendKey, _ *attend.Kernel) bool { return slices.Contains(c.layers, k.rows) })
			maps.DeleteFunc(a.prefill, func(k *layerRows, _ *attend.Prefill) bool { return slices.Contains(c.layers, k) })
		}
	}
	return errors.Join(all...)
}

var _ program.StageRows = (*cache)(nil)
