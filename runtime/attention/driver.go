package attention

import (
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/kv"
)

const (
	// chunk is the number of cells between two merges. It is part of the result: sums are cut here.
	chunk = 256

	// tileRows is about how many query rows (tokens times heads of a group) share each read of a cached row. More of
	// them spend less on unpacking; their scores, outputs and queries should stay in the first-level caches.
	tileRows = 32
)

// Driver runs batches on a pool. It keeps its scratch memory between calls and is not for concurrent use.
type Driver struct {
	pool    *cpu.Pool
	workers []worker

	b      *Batch
	group  int // G, query heads per KV head
	rows   int // query rows per KV head: tokens of the batch times G
	tile   int // tokens per tile
	chunks []span
	cells  *kv.Cells // that chunks describe, at stamp
	stamp  int
	split  bool // a unit of work is one chunk of a tile, not all of them
	fast   bool

	q    []float32     // [KVHeads][rows][K.Stored] queries laid as the keys are, row = token*G + g
	acts []kernels.Act // [KVHeads] the same in int8
	part []partial     // [units] with split, [workers] without
	outs []float32     // mixed rows of part

	lay   layTask
	score scoreTask
	merge mergeTask
}

// span is what is known of the cells of one chunk.
type span struct {
	lo, hi     int   // cells
	min, max   int32 // of the positions of those that are not empty
	incomplete bool  // some are empty
}

// partial is what a tile of query rows has seen of the cache so far.
type partial struct {
	max, sum []float32 // [rows of a tile] largest score, sum of exp(score - max)
	out      []float32 // [rows of a tile][V.Stored] sum of exp(score - max) v
}

// worker is the scratch of one worker.
type worker struct {
	ws     kernels.Workspace
	lay    kernels.Workspace // for rows that must live across a kernel's use of ws
	scores []float32         // [rows of a tile][chunk]
	chunk  partial
	act    kernels.Act // view of a tile's rows
	_      [64]byte
}

// New makes a driver for the pool.
func New(pool *cpu.Pool) *Driver {
	d := &Driver{pool: pool, workers: make([]worker, pool.Workers())}
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
	d.fast = b.Fast && b.KV.K.Impl.MatmulQ8 != nil && b.KV.K.Stored%b.KV.K.Type.ActGroup == 0
	d.survey()
	d.reserve()

	tiles := (n + d.tile - 1) / d.tile
	if err := d.each(&d.lay, n > 1); err != nil {
		return err
	}
	units := l.KVHeads * tiles
	if d.split = len(d.chunks) > 1 && units < 4*len(d.workers); d.split {
		units *= len(d.chunks)
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

// tileTokens is the tokens of a tile: about tileRows rows, and so many that a tile starts where an Act may be cut.
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

// survey cuts the cells into chunks and notes the positions in each. Most layers share the cells of the layer before.
func (d *Driver) survey() {
	cells := d.b.KV.K.Cells
	if cells == d.cells && cells.Stamp() == d.stamp {
		return
	}
	d.cells, d.stamp = cells, cells.Stamp()
	pos := cells.Pos()
	d.chunks = d.chunks[:0]
	for lo := 0; lo < len(pos); lo += chunk {
		s := span{lo: lo, hi: min(lo+chunk, len(pos)), min: math.MaxInt32, max: -1}
		for _, p := range pos[s.lo:s.hi] {
			if p < 0 {
				s.incomplete = true
				continue
			}
			s.min, s.max = min(s.min, p), max(s.max, p)
		}
		d.chunks = append(d.chunks, s)
	}
}

// reserve makes room for the queries.
func (d *Driver) reserve() {
	l, k := d.b.Layer, d.b.KV.K
	d.q = resize(d.q, l.KVHeads*d.rows*k.Stored)
	d.acts = resize(d.acts, l.KVHeads)
	if d.fast {
		for h := range d.acts {
			d.acts[h].Resize(d.rows, k.Stored, k.Type.ActGroup)
		}
	}
}

// grow makes room for the partial results of all units and for the scratch of the workers.
func (d *Driver) grow(units int) {
	m, stored := d.tile*d.group, d.b.KV.V.Stored
	if !d.split {
		units = len(d.workers)
	}
	d.part = resize(d.part, units)
	d.outs = resize(d.outs, units*m*(stored+2))
	for u := range d.part {
		d.part[u].cut(d.outs[u*m*(stored+2):][:m*(stored+2)], m)
	}
	for w := range d.workers {
		x := &d.workers[w]
		x.scores = resize(x.scores, m*chunk)
		all := resize(x.chunk.out[:cap(x.chunk.out)], m*(stored+2))
		x.chunk.cut(all, m)
	}
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
