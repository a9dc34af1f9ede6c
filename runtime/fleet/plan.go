package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// Plan is how a cache is stored, by names that every build has.
type Plan struct {
	ID     string  `json:"id"` // kv.Record.ID, which has the identities of the types
	Layers []Layer `json:"layers"`
}

// Layer is one KV layer of a Plan.
type Layer struct {
	K     Side   `json:"k"`
	V     Side   `json:"v"`
	First int    `json:"keep_first,omitempty"`
	Last  int    `json:"keep_last,omitempty"`
	Exact string `json:"exact,omitempty"` // type of these rows
}

// Side is one side of a Layer.
type Side struct {
	Type     string `json:"type"`
	Rotation string `json:"rotation,omitempty"`
	Offset   int    `json:"offset,omitempty"` // number of the manifest's, from 1; 0 is none
}

// Offset is a key offset.
type Offset struct {
	Layers [][]byte `json:"layers"` // [KV layer][heads * key_dim] little-endian f32; empty for none
}

// encoder makes the plans of one manifest.
type encoder struct {
	known   map[string]int // numbers of offsets by identity
	offsets []Offset
}

func (e *encoder) plan(p *kv.Plan) (Plan, error) {
	out := Plan{ID: p.Record(0).ID()}
	for _, l := range p.Layers {
		x := Layer{First: l.Ends.First, Last: l.Ends.Last}
		if l.Ends.Type != nil {
			x.Exact = l.Ends.Type.Name
		}
		for _, s := range []struct {
			to   *Side
			from kv.Choice
		}{{&x.K, l.K.Effective}, {&x.V, l.V.Effective}} {
			if s.from.Type.Spec != "" {
				return out, fmt.Errorf("%s is a type of --spec, which workers do not have", s.from.Type.Name)
			}
			*s.to = Side{Type: s.from.Type.Name, Offset: e.offset(s.from.Offset)}
			if s.from.Rotation != nil {
				s.to.Rotation = s.from.Rotation.Name
			}
		}
		out.Layers = append(out.Layers, x)
	}
	return out, nil
}

// offset is the number of an offset.
func (e *encoder) offset(o *kv.Offset) int {
	if o == nil {
		return 0
	}
	if n, ok := e.known[o.Identity]; ok {
		return n
	}
	var x Offset
	for _, l := range o.Layers {
		row := make([]byte, 0, 4*len(l.Mu))
		for _, v := range l.Mu {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		}
		x.Layers = append(x.Layers, row)
	}
	e.offsets = append(e.offsets, x)
	e.known[o.Identity] = len(e.offsets)
	return len(e.offsets)
}

// check is of what does not depend on the model.
func (p *Plan) check(offsets int) error {
	if len(p.Layers) > maxLayers {
		return fmt.Errorf("a plan of %d layers: want %d at most", len(p.Layers), maxLayers)
	}
	for _, l := range p.Layers {
		if l.First < 0 || l.First > 1<<24 || l.Last < 0 || l.Last > 1<<24 {
			return fmt.Errorf("%d first and %d last rows exact: want 0 to %d", l.First, l.Last, 1<<24)
		}
		for _, s := range []Side{l.K, l.V} {
			if s.Offset < 0 || s.Offset > offsets {
				return fmt.Errorf("offset %d: there are %d, from 1", s.Offset, offsets)
			}
		}
	}
	return nil
}

// made is the plan for a model. It must be the one that was meant.
func (p *Plan) made(m *model.Model, offsets []*kv.Offset) (*kv.Plan, error) {
	layers := m.KVLayers()
	if len(p.Layers) != len(layers) || len(layers) == 0 {
		return nil, fmt.Errorf("a plan of %d layers: the model has %d", len(p.Layers), len(layers))
	}
	policy := kv.Policy{Table: m.Table, Layers: map[int][2]kv.Choice{}, LayerEnds: map[int]kv.Ends{}}
	for i, l := range p.Layers {
		k, err := l.K.choice(m.Table, offsets)
		if err != nil {
			return nil, err
		}
		v, err := l.V.choice(m.Table, offsets)
		if err != nil {
			return nil, err
		}
		ends := kv.Ends{First: l.First, Last: l.Last}
		if l.Exact != "" {
			if ends.Type, err = cacheType(m.Table, l.Exact); err != nil {
				return nil, err
			}
		}
		if i == 0 {
			policy.K, policy.V = k, v
		}
		policy.Layers[i], policy.LayerEnds[i] = [2]kv.Choice{k, v}, ends
	}
	plan, err := kv.NewPlan(layers, policy)
	if err != nil {
		return nil, err
	}
	if id := plan.Record(0).ID(); id != p.ID {
		return nil, fmt.Errorf("it stores other bytes here (%s) than the coordinator planned (%s): the programs differ", id, state.Short(p.ID))
	}
	return plan, nil
}

func (s *Side) choice(t *kernels.Table, offsets []*kv.Offset) (c kv.Choice, err error) {
	if c.Type, err = cacheType(t, s.Type); err != nil {
		return c, err
	}
	if s.Rotation != "" {
		if c.Rotation = t.RotationByName(s.Rotation); c.Rotation == nil {
			return c, fmt.Errorf("this program has no rotation %s", state.Short(s.Rotation))
		}
	}
	if s.Offset > 0 {
		c.Offset = offsets[s.Offset-1]
	}
	return c, nil
}

// cacheType is a type that a cache can have.
func cacheType(t *kernels.Table, name string) (*kernels.Type, error) {
	if x := t.ByName(name); x != nil && x.KV {
		return x, nil
	}
	return nil, fmt.Errorf("this program has no cache type %s", state.Short(name))
}

// made is the offset for the layers of a model.
func (o *Offset) made(layers []kv.Layer) (*kv.Offset, error) {
	if len(o.Layers) > len(layers) {
		return nil, fmt.Errorf("%d layers: the model has %d", len(o.Layers), len(layers))
	}
	var all []kv.LayerOffset
	for i, row := range o.Layers {
		if len(row) == 0 {
			all = append(all, kv.LayerOffset{Why: errors.New("the coordinator has none for this layer")})
			continue
		}
		if want := 4 * layers[i].Heads * layers[i].KeyDim; len(row) != want {
			return nil, fmt.Errorf("layer %d has %d bytes: want %d", i, len(row), want)
		}
		mu := make([]float32, len(row)/4)
		for k := range mu {
			mu[k] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*k:]))
			if x := float64(mu[k]); math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("layer %d: value %d is %v: want a finite number", i, k, x)
			}
		}
		all = append(all, kv.LayerOffset{Mu: mu})
	}
	return kv.NewOffset("of the coordinator", all), nil
}
