package attend_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
	"github.com/kvgen/kvgen/runtime/kv"
)

func made[T any](t *testing.T) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// TestMessages changes one thing of a call that is right: the message states the rule, and what was
// given.
func TestMessages(t *testing.T) {
	q := gputest.Idle()
	f16, other := rows.Side{Type: kernels.Default().ByName("f16"), Dim: 64}, rows.Side{Type: kernels.Default().ByName("q8_0"), Dim: 64}
	rowsOf := func(s rows.Side, key bool, heads int) *rows.Rows {
		return made[*rows.Rows](t)(rows.New(q, s, key, heads, 64))
	}
	buffer := func(values int) *gpu.Buffer { return made[*gpu.Buffer](t)(q.Alloc(uint64(4 * values))) }
	shape := attend.Shape{Key: f16, Value: f16}
	keys, values, held := rowsOf(f16, true, 2), rowsOf(f16, false, 2), made[*cells.Cells](t)(cells.New(q, 64))
	for _, c := range []struct {
		want   string // "" for what is right
		change func(s *attend.Shape, l *attend.Layer, b *attend.Batch, splits *int)
	}{
		{"", func(*attend.Shape, *attend.Layer, *attend.Batch, *int) {}},
		{"the segments that it was compiled for, 1: the layer has 2", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) {
			l.Exact = &rows.Segment{Keys: keys, Values: values, Cells: held}
		}},
		{"K f16 and V f16 in segment 0: the layer has K q8_0 and V f16", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) { l.Keys = rowsOf(other, true, 2) }},
		{"query heads are a multiple of the KV heads, of which K and V have as many: 3 query heads, 2 of K and 2 of V", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) { l.Heads = 3 }},
		{"rows need the cells that they lie in: segment 0 has none", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) { l.Cells = nil }},
		{"a cell for every row: segment 0 has 64 rows and 0 cells", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) { l.Cells = &cells.Cells{} }},
		{"a batch has at least 1 query: 0 were given", func(_ *attend.Shape, _ *attend.Layer, b *attend.Batch, n *int) { b.Queries, *n = 0, 0 }},
		{"cut into 1 to 256 parts: 257 were asked for", func(_ *attend.Shape, _ *attend.Layer, _ *attend.Batch, n *int) { *n = 257 }},
		{"a kernel caps scores or does not, as it was compiled (false): the layer has a soft cap of 3", func(_ *attend.Shape, l *attend.Layer, _ *attend.Batch, _ *int) { l.SoftCap = 3 }},
		{"the layer has another offset, or none", func(s *attend.Shape, _ *attend.Layer, _ *attend.Batch, _ *int) { s.Offset = &rope.Pairing{Pairs: 2} }},
		{"at most 65535 groups of query rows", func(_ *attend.Shape, _ *attend.Layer, b *attend.Batch, _ *int) { b.Queries = 1 << 19 }},
		{"a run has at least 1 query: that of sequence 3 has 0", func(s *attend.Shape, _ *attend.Layer, b *attend.Batch, _ *int) {
			s.Paged, b.Runs = true, []kv.Run{{Seq: 3}}
		}},
		{"needs its runs on the device: none were given for 1 queries", func(s *attend.Shape, _ *attend.Layer, b *attend.Batch, _ *int) {
			s.Paged, b.Runs = true, []kv.Run{{Seq: 3, N: 1}}
		}},
		{"the runs of a batch are all of its queries: 1 queries, 2 in runs", func(s *attend.Shape, _ *attend.Layer, b *attend.Batch, _ *int) {
			s.Paged, b.Runs, b.RunsAt = true, []kv.Run{{Seq: 3, N: 2}}, buffer(4)
		}},
		{"positions of the batch must hold 4 bytes: there are 0", func(_ *attend.Shape, _ *attend.Layer, b *attend.Batch, _ *int) { b.Positions = b.Positions.Slice(0, 0) }},
	} {
		s, l, b, splits := shape, attend.Layer{Heads: 4, Keys: keys, Values: values, Cells: held}, attend.Batch{Queries: 1, Positions: buffer(1)}, 1
		c.change(&s, &l, &b, &splits)
		err := made[*attend.Kernel](t)(attend.New(q, s)).Run(&l, buffer(4*64), buffer(4*64), &b, splits)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}

// TestPrefills says for which shapes there is a kernel of many query rows, and that the others are
// refused by what they lack.
func TestPrefills(t *testing.T) {
	q := gputest.Idle()
	side := func(name string, dim int) rows.Side { return rows.Side{Type: kernels.Default().ByName(name), Dim: dim} }
	for _, c := range []struct {
		shape attend.Shape
		want  bool
	}{
		{attend.Shape{Fast: true, Key: side("f16", 128), Value: side("f16", 128)}, true},
		{attend.Shape{Fast: true, Key: side("q8_0", 256), Value: side("f32", 40), Paged: true}, true},
		{attend.Shape{Fast: true, Key: side("f16", 128), Value: side("f16", 128), Offset: &rope.Pairing{Pairs: 64}}, true},
		{attend.Shape{Key: side("f16", 128), Value: side("f16", 128)}, false},
		{attend.Shape{Fast: true, Key: side("f16", 128), Value: side("f16", 128), Offset: &rope.Pairing{Pairs: 64}, Paged: true}, false},
		// The 100 KiB of the idle GPU are too few.
		{attend.Shape{Fast: true, Key: side("f16", 576), Value: side("f16", 576)}, false},
		{attend.Shape{Fast: true, Key: side("f16", 128), Value: side("f16", 17*32)}, false},
	} {
		if got := c.shape.Prefills(q); got != c.want {
			t.Errorf("%+v: %t", c.shape, got)
		}
		if _, err := attend.NewPrefill(q, c.shape); !c.want && (err == nil || !strings.Contains(err.Error(), "of the fast form, without offsets in a cache of several sequences")) {
			t.Errorf("%+v: %v", c.shape, err)
		}
	}
}
