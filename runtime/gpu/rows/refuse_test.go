package rows_test

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/cells"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
	"github.com/kvgen/kvgen/runtime/internal/gputest"
)

// TestMessages asks rows, cells and angles for what cannot be: the message states the rule, and
// what was given.
func TestMessages(t *testing.T) {
	q := gputest.Idle()
	buffer := func(values int) *gpu.Buffer {
		b, err := q.Alloc(uint64(4 * values))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s := rows.Side{Type: kernels.Default().ByName("f16"), Dim: 64}
	keys, err := rows.New(q, s, true, 1, 64)
	if err != nil {
		t.Fatal(err)
	}
	values, err := rows.New(q, s, false, 1, 64)
	if err != nil {
		t.Fatal(err)
	}
	evict, err := rows.NewEvict(q, rows.Pair{Key: s, Value: s}, rows.Pair{Key: s, Value: s})
	if err != nil {
		t.Fatal(err)
	}
	place, err := cells.NewPlace(q)
	if err != nil {
		t.Fatal(err)
	}
	angles, err := rope.NewAngles(q, []float64{1}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	fill, err := rope.New(q)
	if err != nil {
		t.Fatal(err)
	}
	_, none := rows.New(q, s, true, 1, 0)
	_, noCells := cells.New(q, 0)
	_, unaligned := cells.In(buffer(8).Slice(4, 16), buffer(8))
	_, tables := rope.NewTables(q, nil, false, 1, 0)
	_, noAngles := rope.NewAngles(q, nil, 1, 2)
	part := rows.Segment{Keys: keys, Values: values}
	for _, c := range []struct {
		err  error
		want string
	}{
		{none, "at least 1 row and 1 KV head: 0 rows of 1 heads"},
		{keys.Import(nil, buffer(1), 1), "rows to import must be given"},
		{keys.Store(buffer(64), buffer(1), 0, nil), "a list of cells has at least 1: 0 were given"},
		{keys.Store(buffer(63), buffer(1), 1, nil), "input must hold 256 bytes: there are 252"},
		{keys.Export(nil, buffer(1), 1), "export_rows needs room for the packed rows of 1 cells"},
		{keys.Export(buffer(31), buffer(1), 1), "packed rows must hold 128 bytes: there are 124"},
		{values.Rope(buffer(32), buffer(1), 1, rows.Angle{}), "RoPE is of keys: these rows are values, of f16"},
		{keys.Rope(buffer(32), buffer(1), 1, rows.Angle{Pairing: rope.Pairing{Pairs: 33}}), "RoPE has 0 to 32 pairs of a head of 64 values: 33 were given"},
		{evict.Run(&part, nil, buffer(1), buffer(1), 1), "into K f16 and V f16: the layer has others"},
		{noCells, "rows have at least 1 cell: 0 were asked for"},
		{unaligned, "begin at multiples of 16 bytes"},
		{place.Run(&cells.Cells{}, buffer(1), buffer(1), -1, nil, 0), "at least 0 cells are taken and left: -1 and 0 were given"},
		{tables, "for 1 to 1073741824 positions: 0 were asked for"},
		{noAngles, "at least 1 pair and 1 token: 0 pairs and 2 tokens"},
		{fill.Fill(angles, buffer(3), 3), "angles are for 1 to 2 tokens of a batch: it has 3"},
		{buffer(4).Slice(0, 4).Free(), "memory is given back as it was allocated: 4 bytes are a part of a piece"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, c.err)
		}
	}
}
