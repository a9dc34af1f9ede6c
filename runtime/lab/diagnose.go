package lab

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Finding is about one side of one layer: it is stored as the plan says while all else is the
// reference.
//
// A large KLD alone does not say whether a type is coarse or its code is wrong. Two more numbers
// tell these apart, and name the place:
//   - RowError is the share of the rows' energy that is lost between packing and unpacking. A type
//     of so many bits loses no more than Limit, whatever the rows are.
//   - Plain is the KLD when the same rows are packed, unpacked, and kept and read in f32. Scores,
//     sums, rotations and addresses are then those of the reference. So Plain and KLD agree but for
//     rounding, unless packed rows are read wrongly.
//
// Rows that the plan keeps exact stay exact in both. The exact rows of a layer are a finding of
// their own. Its KLD is what they change while both sides of the layer are the reference. Its Plain
// is what all rows of the layer would change, rounded as the exact ones and read in f32: some rows
// cannot cost more than all.
type Finding struct {
	Layer    int     `json:"layer"` // of the model
	Side     string  `json:"side"`  // K, V or ends
	Type     string  `json:"type"`
	KLD      float64 `json:"kld"`
	Plain    float64 `json:"kld_plain"`
	RowError float64 `json:"row_error"`
	Limit    float64 `json:"row_error_limit"`
	Fault    string  `json:"fault,omitempty"` // empty when nothing is wrong
}

// endsSide is the Side of exact rows.
const endsSide = "ends"

// Diagnose checks every side of every layer in which plan differs from the reference, and the exact
// rows, on the first chunks of a task. The products should be exact: the fast form rounds queries
// for packed rows alone, which looks like a fault. observe is as for Run.
func Diagnose(ctx context.Context, m *model.Model, p Task, plan *kv.Plan, o Options, observe func(Progress)) ([]Finding, error) {
	var all []Finding
	var plans []*kv.Plan
	var losses []*loss
	for i, l := range plan.Layers {
		for k, side := range []string{"K", "V"} {
			s, ref := plan.Layers[i].K, o.Reference.Layers[i].K
			if k == 1 {
				s, ref = plan.Layers[i].V, o.Reference.Layers[i].V
			}
			if s.Effective == ref.Effective {
				continue
			}
			plain, lost := plainOf(m.Table, s.Effective)
			for _, c := range []kv.Choice{s.Effective, plain} {
				sides := sidesOf(o.Reference, i)
				sides[k] = c
				one, err := swapped(o.Reference, i, sides, l.Ends)
				if err != nil {
					return nil, err
				}
				plans = append(plans, one)
			}
			losses = append(losses, lost)
			all = append(all, Finding{Layer: l.Layer.Index, Side: side, Type: s.Effective.String(), Limit: limit(s.Effective.Type)})
		}
		if l.Ends.Type == nil {
			continue
		}
		some, err := swapped(o.Reference, i, sidesOf(o.Reference, i), l.Ends)
		if err != nil {
			return nil, err
		}
		plain, lost := plainOf(m.Table, kv.Choice{Type: l.Ends.Type})
		whole, err := swapped(o.Reference, i, [2]kv.Choice{plain, plain}, kv.Ends{})
		if err != nil {
			return nil, err
		}
		plans, losses = append(plans, some, whole), append(losses, lost)
		all = append(all, Finding{Layer: l.Layer.Index, Side: endsSide, Type: fmt.Sprintf("%s, %d+%d rows", l.Ends.Type.Name, l.Ends.First, l.Ends.Last),
			Limit: limit(l.Ends.Type)})
	}
	klds, err := meanKLD(ctx, m, p, plans, o, observe)
	if err != nil {
		return nil, err
	}
	for i := range all {
		f := &all[i]
		f.KLD, f.Plain, f.RowError = klds[2*i], klds[2*i+1], losses[i].share()
		f.judge()
	}
	return all, nil
}

// judge names what is wrong. KLDs of rows that hardly change are left alone: rounding decides
// those.
func (f *Finding) judge() {
	const (
		slack = .2   // of the larger KLD
		least = 1e-7 // nats
	)
	switch {
	case !(f.RowError <= f.Limit):
		f.Fault = fmt.Sprintf("rows are packed or unpacked wrongly: they lose %.3g of their energy, and %s should lose %.3g at most", f.RowError, f.Type, f.Limit)
	case f.Side == endsSide:
		if !(f.KLD <= (1+slack)*f.Plain+least) {
			f.Fault = fmt.Sprintf("exact rows are kept or read wrongly: KLD %.3g, and %.3g when all rows are of their type and read in f32", f.KLD, f.Plain)
		}
	case math.Abs(f.KLD-f.Plain) > slack*max(f.KLD, f.Plain)+least:
		f.Fault = fmt.Sprintf("packed rows are read wrongly: KLD %.3g, and %.3g when the same rows are read in f32", f.KLD, f.Plain)
	}
}

// limit is the share of their energy that rows of a type may lose. A type of b bits loses about
// 4^-b, times a factor that is 2 to 7 on Gaussian rows and at worst about 22, where a block of 32
// values holds one that is not zero. Floats lose less than bf16 does.
func limit(t *kernels.Type) float64 {
	if !t.Quantised {
		return 2e-5
	}
	bits := 8 * float64(t.Bytes) / float64(t.Block)
	return min(32*math.Pow(4, -bits), .35)
}

// sidesOf returns what is in effect in KV layer i.
func sidesOf(p *kv.Plan, i int) [2]kv.Choice {
	return [2]kv.Choice{p.Layers[i].K.Effective, p.Layers[i].V.Effective}
}

// swapped returns the plan with other sides and exact rows in one KV layer.
func swapped(p *kv.Plan, layer int, sides [2]kv.Choice, ends kv.Ends) (*kv.Plan, error) {
	var layers []kv.Layer
	policy := kv.Policy{Layers: map[int][2]kv.Choice{}, LayerEnds: map[int]kv.Ends{}}
	for i, l := range p.Layers {
		layers = append(layers, l.Layer)
		policy.Layers[i], policy.LayerEnds[i] = sidesOf(p, i), l.Ends
		if i == layer {
			policy.Layers[i], policy.LayerEnds[i] = sides, ends
		}
	}
	return kv.NewPlan(layers, policy)
}

// meanKLD is the mean KLD of plans against the reference.
func meanKLD(ctx context.Context, m *model.Model, p Task, plans []*kv.Plan, o Options, observe func(Progress)) ([]float64, error) {
	c, err := m.NewContext(model.Options{Plan: o.Reference, Size: p.Context, Batch: o.Batch, Threads: o.Threads, Math: o.Math, Placements: o.Placements, Stop: ctx.Err})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	l, err := eval.NewLockstep(c, p.Text, options(p.Setting, o.Chunks))
	if err != nil {
		return nil, err
	}
	at := Progress{Setting: p.Setting, Steps: l.Chunks() * (1 + len(plans))}
	klds := make([]float64, len(plans))
	for k := range l.Chunks() {
		out, err := l.Chunk(ctx, k, plans, func() {
			at.Done++
			if observe != nil {
				observe(at)
			}
		})
		if err != nil {
			return nil, err
		}
		for i := range out {
			for _, x := range out[i] {
				klds[i] += x.KLD / float64(l.Chunks()*l.Scored())
			}
		}
	}
	return klds, nil
}

// loss adds up what rows lose between packing and unpacking.
type loss struct {
	mu          sync.Mutex
	lost, whole float64
}

// share is the part of the energy that was lost.
func (l *loss) share() float64 { return l.lost / max(l.whole, 1e-30) }

// plainOf returns a choice that packs and unpacks rows by c's type and keeps the result in f32, in
// the model's own domain but for the rotation. It also returns the counter of what is lost.
func plainOf(table *kernels.Table, c kv.Choice) (kv.Choice, *loss) {
	t, f32, lost := c.Type, table.ByName("f32").Best(), &loss{}
	plain := &kernels.Type{Name: t.Name + " read in f32", Identity: t.Identity + " read in f32", KV: true, Quantised: t.Quantised,
		Block: t.Block, Bytes: 4 * t.Block, Pad: t.Pad, Guard: t.Guard}
	encode := func(dst []byte, src []float32) {
		packed, x := make([]byte, t.RowBytes(len(src))), make([]float32, len(src))
		t.Best().Encode(packed, src)
		t.Best().Decode(x, packed)
		if t.Domain != nil {
			t.Domain.Best().Inverse(x)
		}
		lost.add(src, x)
		f32.Encode(dst, x)
	}
	plain.Impls = []kernels.Impl{{ISA: f32.ISA, Encode: encode, Decode: f32.Decode, Matmul: f32.Matmul, Mix: f32.Mix}}
	c.Type = plain
	return c, lost
}

// add counts what became of x.
func (l *loss) add(x, now []float32) {
	var lost, whole float64
	for i, v := range x {
		d := float64(now[i]) - float64(v)
		lost, whole = lost+d*d, whole+float64(v)*float64(v)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost, l.whole = l.lost+lost, l.whole+whole
}
