package engine

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// shapeKey tells shapes of attention apart.
func shapeKey(a attend.Shape) string {
	key := fmt.Sprint(a.Key, a.Value, a.SoftCap, a.Fast, a.Paged, a.Rows)
	if a.Exact != nil {
		key += fmt.Sprint(*a.Exact)
	}
	if a.Offset != nil {
		key += fmt.Sprint(*a.Offset)
	}
	return key
}

// prefillOf is attention of many tokens of a shape, compiled once.
func (e *engine) prefillOf(a attend.Shape) (*attend.Prefill, error) {
	key := shapeKey(a)
	if x := e.prefills[key]; x != nil {
		return x, nil
	}
	x, err := attend.NewPrefill(e.b.Queue, a)
	if err == nil {
		e.prefills[key] = x
	}
	return x, err
}

// attendOf is the attention kernel of a shape, compiled once.
func (e *engine) attendOf(a attend.Shape) (*attend.Kernel, error) {
	key := shapeKey(a)
	if x := e.attends[key]; x != nil {
		return x, nil
	}
	x, err := attend.New(e.b.Queue, a)
	if err == nil {
		e.attends[key] = x
		e.owned = append(e.owned, x)
	}
	return x, err
}

// qkvOf is the kernel that stores rows of a pair.
func (e *engine) qkvOf(p rows.Pair) (*qkv.Kernel, error) {
	if x := e.qkv[p]; x != nil {
		return x, nil
	}
	x, err := qkv.New(e.b.Queue, p)
	if err == nil {
		e.qkv[p] = x
	}
	return x, err
}

// evictOf is the kernel that packs exact rows.
func (e *engine) evictOf(packed, exact rows.Pair) (*rows.Evict, error) {
	key := [2]rows.Pair{packed, exact}
	if x := e.evicts[key]; x != nil {
		return x, nil
	}
	x, err := rows.NewEvict(e.b.Queue, packed, exact)
	if err == nil {
		e.evicts[key] = x
	}
	return x, err
}

// offsetRope is the tables of a RoPE for the scores of offsets.
type offsetRope struct {
	freq      []float64
	adjacent  bool
	magnitude float32
	tables    *rope.Tables
}

// ropeTablesOf is the tables of a KV layer's RoPE, which layers share. A layer without one rotates
// nothing.
func (e *engine) ropeTablesOf(layer int) (*rope.Tables, error) {
	t := offsetRope{magnitude: 1}
	if n := e.w.program.RopeOf(layer); n >= 0 {
		r := e.ropes[n]
		t.freq, t.adjacent, t.magnitude = r.freq, r.pairing.Adjacent, r.angles.Magnitude
	}
	for _, x := range e.tables {
		if slices.Equal(x.freq, t.freq) && x.adjacent == t.adjacent && x.magnitude == t.magnitude {
			return x.tables, nil
		}
	}
	var err error
	if t.tables, err = rope.NewTables(e.b.Queue, t.freq, t.adjacent, t.magnitude, e.size); err != nil {
		return nil, err
	}
	e.owned = append(e.owned, t.tables)
	e.tables = append(e.tables, t)
	return t.tables, nil
}
