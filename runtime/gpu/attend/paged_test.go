//go:build emulate || gpu

package attend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

// paged is rows of several sequences of so many positions each, in pages that lie anywhere, and the
// same rows of each sequence by itself.
type paged struct {
	lengths []int
	all     Layer
	each    []Layer
	heads   int
	words   []int32 // lists as pages.write makes them
}

// pagedCase is a shape of attention over them.
type pagedCase struct {
	k, v          string
	dim           int
	heads, kv     int
	fast, sinks   bool
	window        int
	rope          *keyRope
	odd           int // the sequence whose cells lie in no order inside their pages, -1 for none
	splits, first int // queries end so many positions before the end of their sequence
}

// newPaged stores random rows.
func newPaged(t *testing.T, d *gpu.Queue, s pagedCase, lengths []int) *paged {
	x := &paged{lengths: lengths, heads: s.heads}
	r := rand.New(rand.NewPCG(1, 2))
	count := 0
	for seq, n := range lengths {
		count += (n + perPage(seq) - 1) / perPage(seq)
	}
	free := r.Perm(count + 2)
	k, v := gputest.ChoiceSide(s.k, "", s.dim), gputest.ChoiceSide(s.v, "", s.dim)
	layer := Layer{Heads: s.heads, Scale: .125, Window: s.window}
	if s.sinks {
		layer.Sinks = gputest.Upload(t, d, gputest.Normal(9, s.heads))
	}
	if s.rope != nil {
		layer.Offset = &Offset{gputest.Upload(t, d, gputest.Normal(8, s.kv*s.dim)), gputest.Must[*rope.Tables](t)(rope.NewTables(d, s.rope.freq, s.rope.adjacent, s.rope.magnitude, slices.Max(lengths)))}
	}
	x.all, x.words = layer, make([]int32, cells.Entry*len(lengths))
	x.all.Keys = gputest.Must[*rows.Rows](t)(rows.New(d, k, true, s.kv, len(free)*kv.Page))
	x.all.Values = gputest.Must[*rows.Rows](t)(rows.New(d, v, false, s.kv, len(free)*kv.Page))
	for seq, n := range lengths {
		own := layer
		if n == 0 {
			x.each = append(x.each, own)
			continue
		}
		keys, values := gputest.Normal(uint64(2*seq+20), n*s.kv*s.dim), gputest.Normal(uint64(2*seq+21), n*s.kv*s.dim)
		own.Keys, _ = gputest.Filled(t, d, k, true, s.kv, n, keys)
		own.Values, _ = gputest.Filled(t, d, v, false, s.kv, n, values)
		own.Cells = gputest.InOrder(t, d, n, 0)
		x.each = append(x.each, own)
		places, list, odd := make([]int32, n), []int32{}, []int32{}
		for first := 0; first < n; first += perPage(seq) {
			page, end := int32(free[0]), min(perPage(seq), n-first)
			free = free[1:]
			skip := (kv.Page - perPage(seq)) / 2
			for i := range end {
				places[first+i] = page*kv.Page + int32(skip+i)
			}
			if seq != s.odd {
				list = append(list, page, int32(first-skip), int32(skip), int32(skip+end))
				continue
			}
			held, own := make([]int32, kv.Page), uint64(0)
			for i := range held {
				held[i] = int32(r.IntN(n)) // of others
			}
			for i, at := range r.Perm(kv.Page)[:end] {
				places[first+i], held[at], own = page*kv.Page+int32(at), int32(first+i), own|1<<at
			}
			odd = append(odd, held...)
			list = append(list, ^page, int32(len(odd))-kv.Page, int32(uint32(own)), int32(own>>32))
		}
		for i := range len(odd) / kv.Page {
			list[cells.Entry*i+1] = (list[cells.Entry*i+1] + int32(len(x.words)+len(list))) / cells.Entry
		}
		head, used := x.words[cells.Entry*seq:][:cells.Entry], n
		if !ordered(s, seq) {
			used = len(list) / cells.Entry * kv.Page
		}
		head[0], head[2], head[3] = int32(used), gpu.Flag(ordered(s, seq)), int32(len(x.words))/cells.Entry
		x.words = append(append(x.words, list...), odd...)
		at := gputest.Upload(t, d, places)
		gputest.Check(t, x.all.Keys.Store(gputest.Upload(t, d, keys), at, n, nil))
		gputest.Check(t, x.all.Values.Store(gputest.Upload(t, d, values), at, n, nil))
	}
	words := gputest.Upload(t, d, x.words)
	x.all.Cells = &cells.Cells{Capacity: x.all.Keys.Capacity, Head: words.Slice(0, uint64(4*cells.Entry*len(lengths))), Positions: words}
	return x
}

// short is the sequence that has a part of each page, as where others go on with pages that it
// shares.
const short = 4

// perPage is how many cells of a page a sequence has.
func perPage(seq int) int {
	if seq == short {
		return kv.Page - 20
	}
	return kv.Page
}

// ordered says whether a sequence's list is in order.
func ordered(s pagedCase, seq int) bool { return seq != s.odd && seq != short }

// TestPaged holds attention over the pages of several sequences in one launch to attention over the
// rows of each, in order, by the kernel for one sequence: where a list is in order and cut into as
// many parts it has the same bits.
func TestPaged(t *testing.T) {
	d := gputest.Open(t)
	lengths := []int{300, 40, 0, 330, 150}
	runs := []kv.Run{{Seq: 3, N: 7}, {Seq: 0, N: 1}, {Seq: short, N: 5}, {Seq: 1, N: 2}}
	for _, s := range []pagedCase{
		{k: "f16", v: "f16", dim: 64, heads: 6, kv: 2, odd: -1, splits: 3},
		{k: "q8_0", v: "q4_0", dim: 128, heads: 8, kv: 2, odd: 3, splits: 4, sinks: true},
		{k: "turbo4", v: "turbo4", dim: 128, heads: 2, kv: 2, fast: true, window: 200, odd: 0, splits: 2},
		{k: "f32", v: "f32", dim: 160, heads: 2, kv: 1, odd: 0, splits: 5, first: 30},
		{k: "q8_0", v: "f16", dim: 64, heads: 4, kv: 1, rope: &keyRope{gputest.Geometric(32, 10000), false, 1}, odd: 3, splits: 2, window: 133},
	} {
		t.Run(fmt.Sprintf("%s-%s-%d", s.k, s.v, s.dim), func(t *testing.T) {
			x := newPaged(t, d, s, lengths)
			shape := Shape{Key: x.all.Keys.Side, Value: x.all.Values.Side, Fast: s.fast, Paged: true}
			if s.rope != nil {
				shape.Offset = &x.all.Offset.Rope.Pairing
			}
			for _, longest := range []int{1, 9} { // rows of a block
				shape := shape.For(longest, s.heads/s.kv)
				a := gputest.Must[*Kernel](t)(New(d, shape))
				shape.Paged = false
				one := gputest.Must[*Kernel](t)(New(d, shape))
				x.compare(t, a, one, s, runs)
				gputest.Check(t, a.Free())
				gputest.Check(t, one.Free())
			}
		})
	}
}

// TestPagedMany is TestPaged of more runs than a warp looks at at once.
func TestPagedMany(t *testing.T) {
	d := gputest.Open(t)
	s := pagedCase{k: "f16", v: "f16", dim: 64, heads: 6, kv: 2, odd: 9, splits: 2}
	var lengths []int
	var runs []kv.Run
	for seq := range kv.MaxSequences {
		lengths = append(lengths, 3+37*seq%90)
		runs = append(runs, kv.Run{Seq: kv.MaxSequences - 1 - seq, N: 1 + seq%3})
	}
	x := newPaged(t, d, s, lengths)
	shape := Shape{Key: x.all.Keys.Side, Value: x.all.Values.Side, Paged: true}.For(1, s.heads/s.kv)
	a := gputest.Must[*Kernel](t)(New(d, shape))
	shape.Paged = false
	x.compare(t, a, gputest.Must[*Kernel](t)(New(d, shape)), s, runs)
	gputest.Check(t, a.Free())
}

// compare attends in one launch, and in one for each run.
func (x *paged) compare(t *testing.T, a, one *Kernel, s pagedCase, runs []kv.Run) {
	d, n := a.q, 0
	var at, table []int32
	for _, r := range runs {
		table = append(table, int32(n), int32(r.N), int32(r.Seq), 0)
		first := max(0, x.lengths[r.Seq]-s.first-r.N)
		at, n = append(at, gputest.Sequence(first, r.N)...), n+r.N
	}
	row := s.heads * s.dim
	q, out := gputest.Normal(4, n*row), gputest.Upload(t, d, make([]float32, n*row))
	positions := gputest.Upload(t, d, at)
	for range 2 { // the second finds what the first left
		gputest.Check(t, a.Run(&x.all, gputest.Upload(t, d, q), out, &Batch{Positions: positions, Queries: n, Runs: runs, RunsAt: gputest.Upload(t, d, table)}, s.splits))
	}
	got := gputest.Read(t, out, n*row)
	for i, r := range runs {
		first := int(table[cells.Entry*i])
		alone := gputest.Upload(t, d, make([]float32, r.N*row))
		gputest.Check(t, one.Run(&x.each[r.Seq], gputest.Upload(t, d, q[first*row:][:r.N*row]), alone, &Batch{Positions: positions.Slice(uint64(4*first), uint64(4*r.N)), Queries: r.N}, s.splits))
		want := gputest.Read(t, alone, r.N*row)
		// weights are rounded where other ones are the largest so far
		if e := relative(got[first*row:][:r.N*row], want); !(e < exactLimit) {
			t.Errorf("%d rows of a block, sequence %d: relative error %.2g", a.rows(), r.Seq, e)
		}
		if ordered(s, r.Seq) && s.window == 0 {
			gputest.SameBits(t, fmt.Sprintf("sequence %d", r.Seq), got[first*row:][:r.N*row], want)
		}
	}
}
