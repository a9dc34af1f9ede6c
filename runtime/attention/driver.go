package attention

import (
	"errors"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

const (
	// chunk is the number of cells between two merges. It is part of the result: sums are cut here.
	chunk = 256

	// tileRows is about how many query rows (tokens times heads of a group) share each read of a
	// cached row. More of them spend less on unpacking; their scores, outputs and queries should
	// stay in the first-level caches.
	tileRows = 32
)

// Driver runs batches on a pool. It keeps its scratch memory between calls and is not for
// concurrent use.
type Driver struct {
	pool    *cpu.Pool
	table   *kernels.Table
	vec     cpu.Vec // of the table
	workers []worker

	b      *Batch
	group  int // G, query heads per KV head
	rows   int // query rows per KV head: tokens of the batch times G
	tile   int // tokens per tile
	segs   []segment
	chunks int  // of all segments
	stride int  // values between rows of a partial: the most that a segment stores
	split  bool // a unit of work is one chunk of a tile, not all of them

	coef []float32 // [KVHeads][rows][2*pairs] of Offset
	part []partial // [units] with split, [workers] without
	outs []float32 // mixed rows of part

	lay   layTask
	score scoreTask
	merge mergeTask
}

// segment is what is known of one segment of the rows.
type segment struct {
	kv.Pair
	keys   laid
	latent laid // the queries' latent parts, as the values are stored; of no side for none
	chunks []span
	cells  *kv.Cells // that chunks describe, at stamp
	stamp  int
}

// laid is queries in the form of the rows of a side.
type laid struct {
	side *kv.Side
	fast bool
	q    []float32     // [KVHeads][rows][Stored], row = token*G + g
	acts []kernels.Act // [KVHeads] the same in int8
}

// span is what is known of the cells of one chunk.
type span struct {
	lo, hi     int    // cells
	min, max   int32  // of the positions of those that are not empty
	incomplete bool   // some are empty
	straight   bool   // their positions follow one another, cell after cell
	any, all   kv.Set // sequences that have some, and every, of those that are not empty
}

// partial is what a tile of query rows has seen of the cache so far.
type partial struct {
	max, sum []float32 // [rows of a tile] largest score, sum of exp(score - max)
	out      []float32 // [rows of a tile][stride] sum of exp(score - max) v
}

// worker is the scratch of one worker.
type worker struct {
	ws      kernels.Workspace
	more    []float32 // scores of latent parts
	scores  []float32 // [rows of a tile][chunk]
	chunk   partial
	seg     partial     // of a segment, where there are several
	first   []float32   // [2*pairs] of Offset
	rotated []float32   // [together][2*pairs] of Offset
	factors []float32   // [together][columns] of Offset
	sums    []float32   // [together][block] of Offset
	act     kernels.Act // view of a tile's rows
	some    kernels.Act // a part of a tile's rows
	_       [64]byte
}

// New makes a driver for the pool.
func New(pool *cpu.Pool, table *kernels.Table) *Driver {
	d := &Driver{pool: pool, table: table, vec: cpu.NewVec(table), workers: make([]worker, pool.Workers())}
	d.lay.d, d.score.d, d.merge.d = d, d, d
	return d
}

// Run computes b.Out.
func (d *Driver) Run(b *Batch) error {
	d.b = b
	n, l := len(b.Pos), b.Layer
	d.group = l.Heads / l.KVHeads
	d.rows = n * d.group
	d.tile = min(n, tileTokens(d.group))
	d.chunks, d.stride = 0, 0
	d.segs = resize(d.segs, len(b.KV))
	for i := range d.segs {
		s := &d.segs[i]
		s.Pair = b.KV[i]
		if b.Seqs == nil && s.K.Cells.Sets() != nil {
			return errors.New("attention: the cache holds several sequences and the batch does not say which its tokens are of")
		}
		s.survey()
		s.keys.reserve(s.K, b.Fast, l.KVHeads, d.rows)
		if s.latent.side = nil; l.Latent {
			s.latent.reserve(s.V, b.Fast, l.KVHeads, d.rows)
		}
		d.chunks += len(s.chunks)
		d.stride = max(d.stride, s.V.Stored)
	}
	if b.Offset != nil {
		d.coef = resize(d.coef, l.KVHeads*d.rows*2*b.Offset.Rope.pairs)
	}

	tiles := (n + d.tile - 1) / d.tile
	if err := d.each(&d.lay, n > 1); err != nil {
		return err
	}
	units := l.KVHeads * tiles
	if d.split = d.chunks > 1 && units < 4*len(d.workers); d.split {
		units *= d.chunks
	}
	d.score.units, d.score.tiles = units, tiles
	d.grow(units)
	if err := d.each(&d.score, units > 1); err != nil {
		return err
	}
	if d.split {
		d.merge.units = l.KVHeads * tiles
		return d.each(&d.merge, true)
	}
	return nil
}

// tileTokens is the tokens of a tile: about tileRows rows, and so many that a tile starts where an
// Act may be cut.
func tileTokens(group int) int {
	step := 1
	for step*group%cpu.ActStep != 0 {
		step++
	}
	return max(step, tileRows/group/step*step)
}

// each runs a task on the pool, or on one worker where there is too little to share.
func (d *Driver) each(t cpu.Task, worthwhile bool) error {
	if !worthwhile {
		t.Do(0, 1)
		return nil
	}
	return d.pool.Run(t)
}

// survey cuts the cells into chunks and notes the positions in each. Most layers share the cells of
// the layer before.
func (s *segment) survey() {
	cells := s.K.Cells
	if cells == s.cells && cells.Stamp() == s.stamp {
		return
	}
	s.cells, s.stamp = cells, cells.Stamp()
	pos, sets := cells.Pos(), cells.Sets()
	s.chunks = s.chunks[:0]
	for lo := 0; lo < len(pos); lo += chunk {
		c := span{lo: lo, hi: min(lo+chunk, len(pos)), min: math.MaxInt32, max: -1, all: ^kv.Set(0), straight: pos[lo] >= 0}
		for i := lo; i < c.hi && sets != nil; i++ {
			if sets[i] != 0 {
				c.any, c.all = c.any|sets[i], c.all&sets[i]
			}
		}
		for i, p := range pos[c.lo:c.hi] {
			c.straight = c.straight && p == pos[lo]+int32(i)
			if p < 0 {
				c.incomplete = true
				continue
			}
			c.min, c.max = min(c.min, p), max(c.max, p)
		}
		s.chunks = append(s.chunks, c)
	}
}

// reserve makes room for the queries.
func (s *laid) reserve(side *kv.Side, fast bool, heads, rows int) {
	s.side, s.fast = side, fast && side.Impl.MatmulQ8 != nil && side.Stored%side.Type.ActGroup == 0
	s.q = resize(s.q, heads*rows*side.Stored)
	s.acts = resize(s.acts, heads)
	if s.fast {
		for h := range s.acts {
			s.acts[h].Resize(rows, side.Stored, side.Type.ActGroup)
		}
	}
}

// grow makes room for the partial results of all units and for the scratch of the workers.
func (d *Driver) grow(units int) {
	m := d.tile * d.group
	if !d.split {
		units = len(d.workers)
	}
	d.part = resize(d.part, units)
	d.outs = resize(d.outs, units*m*(d.stride+2))
	for u := range d.part {
		d.part[u].cut(d.outs[u*m*(d.stride+2):][:m*(d.stride+2)], m)
	}
	for w := range d.workers {
		x := &d.workers[w]
		x.scores = resize(x.scores, m*chunk)
		if d.b.Layer.Latent {
			x.more = resize(x.more, m*chunk)
		}
		x.chunk.resize(m, d.stride)
		if len(d.segs) > 1 {
			x.seg.resize(m, d.stride)
		}
		if o := d.b.Offset; o != nil {
			x.first = resize(x.first, 2*o.Rope.pairs)
			x.rotated = resize(x.rotated, together*2*o.Rope.pairs)
			x.factors = resize(x.factors, together*o.Rope.columns())
			x.sums = resize(x.sums, together*block)
		}
	}
}

// resize makes room for m rows.
func (p *partial) resize(m, stride int) {
	p.cut(resize(p.out[:cap(p.out)], m*(stride+2)), m)
}

// cut divides mem of m*(stored+2) values.
func (p *partial) cut(mem []float32, m int) {
	n := len(mem)
	p.max, p.sum, p.out = mem[n-m:], mem[n-2*m:n-m], mem[:n-2*m]
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		grown := make([]T, n)
		copy(grown, s[:cap(s)]) // elements may own memory worth keeping
		return grown
	}
	return s[:n]
}
