package kv_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// row is one token as a sequence sees it: what was stored and how far its key was roped since.
type row struct{ id, roped int }

// model is what a cache of several sequences must hold: for each a list of rows, and beside it a
// cache of its own that everything done to the sequence is done to.
type model struct {
	t     *testing.T
	cache *kv.Cache
	seqs  [][]*row
	alone []*kv.Cache
	// by sequence: the first positions that a shift brought into a window which had let them go
	lost []int
	ids  int
}

// sequenceLayers are a full and a sliding layer; with ends, every second case keeps rows exact.
func sequenceLayers(e kv.Ends) (layers []kv.Layer, p kv.Policy) {
	for i := range 4 {
		l := kv.Layer{Index: i, Heads: 1 + i%2, KeyDim: 8, ValueDim: 4}
		if i >= 2 {
			l.Window = 6
		}
		layers = append(layers, l)
	}
	f32 := kv.Choice{Type: kernels.Default().ByName("f32")}
	e.Type = f32.Type
	return layers, kv.Policy{K: f32, V: f32, LayerEnds: map[int]kv.Ends{1: e, 3: e}}
}

func newModel(t *testing.T, e kv.Ends, s kv.Shape) *model {
	layers, p := sequenceLayers(e)
	plan, err := kv.NewPlan(layers, p)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{t: t, seqs: make([][]*row, s.Sequences), lost: make([]int, s.Sequences)}
	if m.cache, err = kv.NewShape(plan, s); err != nil {
		t.Fatal(err)
	}
	m.cache.Hold()
	m.cache.AddState(9, 2)
	if n := m.cache.Bytes(); n != plan.BytesOf(s)+8*s.Sequences {
		t.Fatalf("the cache has %d bytes, the plan says %d", n, plan.BytesOf(s))
	}
	for range s.Sequences {
		a, err := kv.New(plan, s.Size, s.Batch)
		if err != nil {
			t.Fatal(err)
		}
		a.AddState(9, 2)
		m.alone = append(m.alone, a)
	}
	return m
}

// keys and values are the rows of a token.
func (r *row) keys(width int) []float32 {
	if r == nil {
		return make([]float32, width)
	}
	x := rows(1, r.id, 1, width)
	for i := 0; i < width; i += 8 {
		x[i] += float32(r.roped)
	}
	return x
}
func (r *row) values(width int) []float32 {
	if r == nil {
		return make([]float32, width)
	}
	return rows(2, r.id, 1, width)
}

// ropeFirst is a RopeShift that row.keys can follow.
func ropeFirst(_ int, x []float32, delta int) { x[0] += float32(delta) }

// store stores new rows, of which the cache has just been given the positions.
func store(t testing.TB, c *kv.Cache, fresh []*row) {
	var ws kernels.Workspace
	for i, l := range c.Plan.Layers {
		var k, v []float32
		dk, dv := l.Layer.Heads*l.Layer.KeyDim, l.Layer.Heads*l.Layer.ValueDim
		for _, r := range fresh {
			k, v = append(k, r.keys(dk)...), append(v, r.values(dv)...)
		}
		x := c.Rows(i)
		if !x.Exact() {
			x.Segments()[0].K.Store(&ws, k, dk, 0, len(fresh))
			x.Segments()[0].V.Store(&ws, v, dv, 0, len(fresh))
			continue
		}
		for lo := 0; lo < len(fresh); {
			n := x.Next()
			if n < 1 || lo+n > len(fresh) {
				t.Fatalf("a step of %d tokens after %d of %d", n, lo, len(fresh))
			}
			x.Store(&ws, k[lo*dk:], dk, v[lo*dv:], dv, 0, x.Shares())
			lo += n
		}
	}
}

// distinct is the number of rows that all sequences have together.
func (m *model) distinct() int {
	all := map[*row]bool{}
	for _, s := range m.seqs {
		for _, r := range s {
			all[r] = true
		}
	}
	return len(all)
}

// place adds tokens to sequences, which must succeed exactly where there is room.
func (m *model) place(runs []kv.Run) {
	n, fits := 0, true
	for _, r := range runs {
		n += r.N
		fits = fits && len(m.seqs[r.Seq])+r.N <= m.cache.Size
	}
	fits = fits && n <= m.cache.Batch && m.distinct()+n <= m.cache.Cells
	if err := m.cache.PlaceRuns(runs); (err == nil) != fits {
		m.t.Fatalf("%v with %d cells in use: %v", runs, m.distinct(), err)
	} else if err != nil {
		return
	}
	var all []*row
	for _, r := range runs {
		var own []*row
		for range r.N {
			own = append(own, &row{id: m.ids})
			m.ids++
		}
		m.seqs[r.Seq] = append(m.seqs[r.Seq], own...)
		all = append(all, own...)
		if err := m.alone[r.Seq].Place(r.N); err != nil {
			m.t.Fatal(err)
		}
		store(m.t, m.alone[r.Seq], own)
		m.alone[r.Seq].State(0)[0] += float32(r.N)
		m.cache.StateSeq(0, r.Seq)[0] += float32(r.N)
	}
	store(m.t, m.cache, all)
}

// segments says for every position of a sequence in which segment of a layer it is, and checks the
// rows.
func (m *model) segments(c *kv.Cache, seq, layer int, want []*row) string {
	at := bytes.Repeat([]byte("."), len(want))
	var ws kernels.Workspace
	for k, s := range c.Rows(layer).Segments() {
		for cell, p := range s.K.Cells.Pos() {
			if sets := s.K.Cells.Sets(); p < 0 || sets != nil && !sets[cell].Has(seq) {
				continue
			}
			if int(p) >= len(want) || at[p] != '.' {
				m.t.Fatalf("layer %d, sequence %d: segment %d has position %d of %s", layer, seq, k, p, at)
			}
			at[p] = "pe"[k]
			for _, x := range []struct {
				side *kv.Side
				want []float32
			}{{s.K, want[p].keys(s.K.Heads * s.K.Dim)}, {s.V, want[p].values(s.V.Heads * s.V.Dim)}} {
				got := make([]float32, x.side.Dim)
				for h := range x.side.Heads {
					if x.side.Read(&ws, got, h, cell); !near(got, x.want[h*x.side.Dim:][:x.side.Dim], 1e-10) {
						m.t.Fatalf("layer %d, sequence %d, position %d of segment %d: %v, want %v", layer, seq, p, k, got, x.want)
					}
				}
			}
		}
	}
	return string(at)
}

// check compares every sequence with what it must be, and with a cache of its own.
func (m *model) check(what string) {
	m.t.Helper()
	if n := m.cache.InUse(); n != m.distinct() {
		m.t.Fatalf("%s: %d cells in use for %d rows", what, n, m.distinct())
	}
	for layer := range m.cache.Plan.Layers { // what is packed for several is packed once
		for k, x := range m.cache.Rows(layer).Segments() {
			if n := taken(x.K.Cells); n > m.distinct() {
				m.t.Fatalf("%s: %d rows in segment %d of layer %d, of %d", what, n, k, layer, m.distinct())
			}
		}
	}
	for seq, want := range m.seqs {
		if n := m.cache.LenSeq(seq); n != len(want) {
			m.t.Fatalf("%s: sequence %d has %d positions, want %d", what, seq, n, len(want))
		}
		if a, b := m.alone[seq].State(0)[0], m.cache.StateSeq(0, seq)[0]; a != b {
			m.t.Fatalf("%s: sequence %d has the state %v, want %v", what, seq, b, a)
		}
		for layer, l := range m.cache.Plan.Layers {
			got, alone := m.segments(m.cache, seq, layer, want), m.segments(m.alone[seq], 0, layer, want)
			if l.Layer.Window > 0 { // what it holds beyond the window depends on the room
				from := max(0, min(len(got), m.lost[seq]), len(got)-5)
				got, alone = got[from:], alone[from:]
			}
			if got != alone {
				m.t.Fatalf("%s: layer %d, sequence %d holds\n%s, alone\n%s", what, layer, seq, got, alone)
			}
		}
	}
}

// clone copies a cache of one sequence.
func clone(t *testing.T, to, from *kv.Cache) {
	var saved bytes.Buffer
	if err := from.Save(&saved, ""); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(&saved, ""); err != nil {
		t.Fatal(err)
	}
}

// step does something at random and says what.
func (m *model) step(r *rand.Rand) string {
	t, c := m.t, m.cache
	seq, other := r.IntN(c.Sequences), r.IntN(c.Sequences)
	n := len(m.seqs[seq])
	switch what := r.IntN(21); {
	case what < 10:
		var runs []kv.Run
		for _, s := range r.Perm(c.Sequences)[:1+r.IntN(c.Sequences)] {
			runs = append(runs, kv.Run{Seq: s, N: 1 + r.IntN(3)})
		}
		m.place(runs)
		return fmt.Sprint("place ", runs)
	case what < 12:
		m.place([]kv.Run{{Seq: seq, N: r.IntN(c.Batch)}})
		return fmt.Sprint("place more of ", seq)
	case what < 14:
		if err := c.CopySeq(seq, other); err != nil {
			t.Fatal(err)
		}
		if seq != other {
			m.seqs[other], m.lost[other] = slices.Clone(m.seqs[seq]), m.lost[seq]
			clone(t, m.alone[other], m.alone[seq])
		}
		return fmt.Sprintf("copy %d to %d", seq, other)
	case what < 15:
		if err := c.RemoveSeq(seq); err != nil {
			t.Fatal(err)
		}
		m.seqs[seq], m.lost[seq] = nil, 0
		m.alone[seq].Clear()
		return fmt.Sprint("remove ", seq)
	case what < 16 && r.IntN(4) == 0:
		if err := c.KeepSeq(seq); err != nil {
			t.Fatal(err)
		}
		for s := range m.seqs {
			if s != seq {
				m.seqs[s], m.lost[s] = nil, 0
				m.alone[s].Clear()
			}
		}
		return fmt.Sprint("keep ", seq)
	case what < 18:
		if n < 2 {
			break
		}
		keep := r.IntN(n)
		discard := 1 + r.IntN(n-keep)
		if keep+discard == n && keep > 0 {
			discard--
		}
		if discard == 0 {
			break
		}
		moved, shared := map[*row]bool{}, map[*row]bool{}
		for s := range m.seqs {
			for _, x := range m.seqs[s] {
				if s != seq && slices.Contains(m.seqs[seq], x) {
					shared[x] = true
				}
			}
		}
		for _, x := range m.seqs[seq][keep+discard:] {
			moved[x] = shared[x]
		}
		copies, free := 0, c.Cells-c.InUse()
		for x := range maps.Keys(moved) {
			if moved[x] {
				copies++
			}
		}
		for _, x := range m.seqs[seq][keep : keep+discard] {
			if !shared[x] {
				free++
			}
		}
		err := c.ShiftSeq(seq, keep, discard, ropeFirst)
		if (err == nil) != (copies <= free) {
			t.Fatalf("a shift that copies %d rows to %d cells: %v", copies, free, err)
		}
		if err != nil {
			return fmt.Sprint("refused a shift of ", seq)
		}
		if err := m.alone[seq].Shift(keep, discard, ropeFirst); err != nil {
			t.Fatal(err)
		}
		left := slices.Clone(m.seqs[seq][:keep])
		for _, x := range m.seqs[seq][keep+discard:] {
			left = append(left, &row{x.id, x.roped - discard})
		}
		m.seqs[seq] = left
		gone := max(n-5, m.lost[seq])
		m.lost[seq] = min(gone, keep) + max(0, gone-keep-discard)
		return fmt.Sprintf("shift %d by %d after %d", seq, discard, keep)
	case what < 19:
		var saved bytes.Buffer
		if err := c.Save(&saved, "x"); err != nil {
			t.Fatal(err)
		}
		if err := c.Restore(&saved, "x"); err != nil {
			t.Fatal(err)
		}
		return "save and restore"
	case what < 20:
		m.transfer(seq, other)
		return fmt.Sprintf("copy %d to %d through another cache", seq, other)
	}
	return ""
}

// transfer copies the rows of a sequence to another cache, and from there to a sequence that shares
// none of them.
func (m *model) transfer(seq, to int) {
	t, c := m.t, m.cache
	o, err := kv.New(c.Plan, c.Size, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	o.AddState(9, 2)
	if err := o.CopyFrom(c, seq, 0); err != nil {
		t.Fatal(err)
	}
	rows, lost := m.seqs[seq], m.lost[seq]
	clone(t, m.alone[to], m.alone[seq])
	m.seqs[to], m.lost[to] = nil, 0
	fits := m.distinct()+len(rows) <= c.Cells
	if err := c.CopyFrom(o, 0, to); (err == nil) != fits {
		t.Fatalf("%d rows more than %d in %d cells: %v", len(rows), m.distinct(), c.Cells, err)
	}
	if !fits {
		m.alone[to].Clear()
		return
	}
	for _, x := range rows {
		m.seqs[to] = append(m.seqs[to], &row{x.id, x.roped})
	}
	m.lost[to] = lost
}

// TestSequences does everything that can be done to sequences in random order. Each must hold what
// it would in a cache of its own, with the same rows exact, and shared rows must take no cells.
func TestSequences(t *testing.T) {
	for i, e := range []kv.Ends{{}, {First: 2, Last: 3}, {First: 3}, {Last: 5}, {First: 40, Last: 2}} {
		for _, s := range []kv.Shape{
			{Size: 30, Batch: 8, Sequences: 3, Cells: 60}, {Size: 40, Batch: 16, Sequences: 5, Cells: 50}, {Size: 100, Batch: 24, Sequences: 64, Cells: 700},
			{Size: 80, Batch: 10, Sequences: 2},
		} {
			m := newModel(t, e, s)
			r := rand.New(rand.NewPCG(uint64(i), uint64(s.Sequences)))
			steps := 300
			if s.Sequences == kv.MaxSequences {
				steps = 60
			}
			for n := range steps {
				what := m.step(r)
				m.check(fmt.Sprintf("%+v, %+v, step %d: %s", e, s, n, what))
			}
		}
	}
}

// TestTruncateSeq goes back in one of two sequences that share rows, and on.
func TestTruncateSeq(t *testing.T) {
	m := newModel(t, kv.Ends{First: 2, Last: 4}, kv.Shape{Size: 64, Batch: 32, Sequences: 2, Cells: 100})
	m.place([]kv.Run{{Seq: 0, N: 20}})
	m.cache.CopySeq(0, 1)
	m.place([]kv.Run{{Seq: 1, N: 7}, {Seq: 0, N: 3}})
	if err := m.cache.TruncateSeq(1, 22); err == nil || !strings.Contains(err.Error(), "layer 9 is recurrent") {
		t.Fatalf("went back in a recurrent layer: %v", err)
	}
	layers, p := sequenceLayers(kv.Ends{First: 2, Last: 4})
	plan, err := kv.NewPlan(layers, p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kv.NewShape(plan, kv.Shape{Size: 64, Batch: 32, Sequences: 2, Cells: 100})
	if err != nil {
		t.Fatal(err)
	}
	c.Hold()
	m.cache, m.seqs = c, make([][]*row, 2)
	add := func(seq, n int) {
		t.Helper()
		if err := c.PlaceRuns([]kv.Run{{Seq: seq, N: n}}); err != nil {
			t.Fatal(err)
		}
		var own []*row
		for range n {
			own = append(own, &row{id: m.ids})
			m.ids++
		}
		m.seqs[seq] = append(m.seqs[seq], own...)
		store(t, c, own)
	}
	add(0, 30)
	if err := c.CopySeq(0, 1); err != nil {
		t.Fatal(err)
	}
	m.seqs[1] = slices.Clone(m.seqs[0])
	if err := c.TruncateSeq(1, 27); err != nil {
		t.Fatal(err)
	}
	m.seqs[1] = m.seqs[1][:27]
	add(1, 3)
	add(0, 5)
	add(0, 20)
	if err := c.TruncateSeq(1, 5); err == nil || !strings.Contains(err.Error(), "sliding window") {
		t.Fatalf("went back beyond the window: %v", err)
	}
	for seq := range 2 {
		for layer, l := range plan.Layers {
			at := m.segments(c, seq, layer, m.seqs[seq])
			if l.Layer.Window == 0 && strings.Contains(at, ".") || strings.Contains(at[len(at)-5:], ".") {
				t.Errorf("sequence %d, layer %d: %s", seq, layer, at)
			}
		}
	}
	if n := c.InUse(); n != m.distinct() {
		t.Errorf("%d cells in use for %d rows", n, m.distinct())
	}
}

// TestSequencesRefused names what is out of range, and changes nothing.
func TestSequencesRefused(t *testing.T) {
	m := newModel(t, kv.Ends{}, kv.Shape{Size: 20, Batch: 8, Sequences: 2, Cells: 24})
	m.place([]kv.Run{{Seq: 0, N: 8}, {Seq: 1, N: 0}})
	c := m.cache
	for want, err := range map[string]error{
		"sequence 2: this cache has 2":      c.CopySeq(0, 2),
		"sequence -1: this cache":           c.CopySeq(-1, 0),
		"sequence 3":                        c.RemoveSeq(3),
		"sequence 4":                        c.KeepSeq(4),
		"sequence 5":                        c.TruncateSeq(5, 0),
		"sequence 6":                        c.ShiftSeq(6, 0, 1, ropeFirst),
		"sequence 7":                        c.PlaceRuns([]kv.Run{{Seq: 7, N: 1}}),
		"two runs of sequence 1":            c.PlaceRuns([]kv.Run{{Seq: 1, N: 1}, {Seq: 1, N: 1}}),
		"a batch of 9 tokens":               c.PlaceRuns([]kv.Run{{Seq: 0, N: 5}, {Seq: 1, N: 4}}),
		"of -1 tokens":                      c.PlaceRuns([]kv.Run{{Seq: 0, N: -1}}),
		"cannot drop positions 7 to 8 of 8": c.ShiftSeq(0, 7, 2, ropeFirst),
		"cannot go back from position 8 to 3: layer 9 is":        c.TruncateSeq(0, 3),
		"cannot truncate sequence 0 to 9 positions: want 0 to 8": c.TruncateSeq(0, 9),
		"a cache of 65 sequences: want 1 to 64":                  newShape(c.Plan, kv.Shape{Size: 8, Batch: 8, Sequences: 65}),
		"a cache of -1 cells: want 1":                            newShape(c.Plan, kv.Shape{Size: 8, Batch: 8, Sequences: 2, Cells: -1}),
		"a cache of 0 positions in batches of 8: both must be a": newShape(c.Plan, kv.Shape{Batch: 8, Sequences: 2}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %s", err, want)
		}
	}
	m.check("after refusals")
	m.place([]kv.Run{{Seq: 1, N: 8}})
	m.place([]kv.Run{{Seq: 1, N: 8}})
	if err := c.PlaceRuns([]kv.Run{{Seq: 0, N: 1}}); err == nil || !strings.Contains(err.Error(), "24 cells for 2 sequences is full: 0 are free, 1 asked for") {
		t.Errorf("a full cache: %v", err)
	}
}

func newShape(p *kv.Plan, s kv.Shape) error {
	_, err := kv.NewShape(p, s)
	return err
}

// TestRestoreSequences brings sequences to a cache of another shape, where they fit.
func TestRestoreSequences(t *testing.T) {
	for _, e := range []kv.Ends{{}, {First: 2, Last: 4}} {
		m := newModel(t, e, kv.Shape{Size: 40, Batch: 20, Sequences: 3, Cells: 90})
		m.place([]kv.Run{{Seq: 0, N: 20}})
		m.cache.CopySeq(0, 2)
		m.seqs[2] = slices.Clone(m.seqs[0])
		clone(t, m.alone[2], m.alone[0])
		m.place([]kv.Run{{Seq: 2, N: 3}, {Seq: 0, N: 9}})
		var saved bytes.Buffer
		if err := m.cache.Save(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		more := newModel(t, e, kv.Shape{Size: 50, Batch: 20, Sequences: 7, Cells: 200})
		if err := more.cache.Restore(bytes.NewReader(saved.Bytes()), "m"); err != nil {
			t.Fatal(err)
		}
		from := more.cache
		more.cache, more.seqs, more.alone = from, append(m.seqs, make([][]*row, 4)...), append(m.alone, more.alone[:4]...)
		more.check("restored into more sequences")
		more.ids = m.ids
		more.place([]kv.Run{{Seq: 2, N: 3}, {Seq: 5, N: 2}, {Seq: 0, N: 2}})
		more.check("and gone on")
		for want, s := range map[string]kv.Shape{
			"a sequence 2 and this cache 2": {Size: 40, Batch: 20, Sequences: 2, Cells: 90},
			"29 positions":                  {Size: 25, Batch: 20, Sequences: 3, Cells: 90},
			"more rows than the 30 cells":   {Size: 40, Batch: 20, Sequences: 3, Cells: 30},
		} {
			x := newModel(t, e, s)
			if err := x.cache.Restore(bytes.NewReader(saved.Bytes()), "m"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v, want it to say %s", s, err, want)
			}
			x.check("after a refusal")
		}
		// One sequence goes into a cache for several, and back.
		one := newModel(t, e, kv.Shape{Size: 40, Batch: 20, Sequences: 1})
		one.place([]kv.Run{{Seq: 0, N: 20}})
		saved.Reset()
		if err := one.cache.Save(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		x := newModel(t, e, kv.Shape{Size: 40, Batch: 20, Sequences: 3, Cells: 90})
		if err := x.cache.Restore(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		x.seqs[0], x.alone[0] = one.seqs[0], one.alone[0]
		x.check("one of several")
		saved.Reset()
		if err := x.cache.Save(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		if err := one.cache.Restore(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		one.check("back")
	}
}

// TestRestoreInOrder brings a sequence whose pages lie between those of others to a cache of its
// own, which is in order.
func TestRestoreInOrder(t *testing.T) {
	for _, e := range []kv.Ends{{}, {First: 2, Last: 4}} {
		m := newModel(t, e, kv.Shape{Size: 300, Batch: 60, Sequences: 2, Cells: 500})
		for range 4 {
			m.place([]kv.Run{{Seq: 1, N: 20}, {Seq: 0, N: 40}})
		}
		m.cache.RemoveSeq(1)
		m.seqs[1] = nil
		m.alone[1].Clear()
		if _, ordered := m.cache.Layer(0).K.Cells.Ordered(); ordered {
			t.Fatal("the rows are in order already")
		}
		var saved bytes.Buffer
		if err := m.cache.Save(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		one := newModel(t, e, kv.Shape{Size: 200, Batch: 60, Sequences: 1})
		if err := one.cache.Restore(&saved, "m"); err != nil {
			t.Fatal(err)
		}
		one.seqs[0], one.alone[0], one.ids = m.seqs[0], m.alone[0], m.ids
		one.check("restored")
		one.place([]kv.Run{{Seq: 0, N: 20}})
		one.check("and gone on")
		if c := one.cache.Layer(0).K.Cells; !c.Straight() {
			t.Error("not straight")
		} else if _, ordered := c.Ordered(); !ordered {
			t.Error("not in order")
		}
	}
}
