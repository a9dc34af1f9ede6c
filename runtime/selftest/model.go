package selftest

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// modelTokens are what logits are computed of.
const modelTokens = 40

// modelBound is how far logits may be from those of portable Go, over their root mean square. Sums
// are taken in another order; a key or value halfway between two numbers of f16 may be rounded the
// other way.
const modelBound = 2e-3

// planModel holds the logits of the embedded model under every instruction set to portable Go's.
func (r *run) planModel() {
	if r.Table.ByName("f16") == nil {
		return
	}
	var want [2][]float32
	for _, isa := range r.Table.ISAs() {
		table, err := r.Table.SelectISA(isa.Name)
		if err != nil || isa.Name == "generic" {
			continue
		}
		for way, name := range []string{"model, a prompt", "model, token by token"} {
			r.add(Check{Kind: name, ISA: isa.Name, Against: []string{"portable Go"}}, func(c *Check) error {
				if want[way] == nil {
					portable, err := r.Table.SelectISA("generic")
					if err != nil {
						return err
					}
					if want[way], err = r.logits(portable, nil, way == 1); err != nil {
						return err
					}
				}
				got, err := r.logits(table, nil, way == 1)
				if err != nil {
					return err
				}
				return near(c, got, want[way], modelBound)
			})
		}
	}
}

// near compares logits.
func near(c *Check, got, want []float32, bound float64) error {
	var power, most float64
	worst := 0
	for i, w := range want {
		power += float64(w) * float64(w)
		d := math.Abs(float64(got[i]) - float64(w))
		if d != d {
			d = math.Inf(1)
		}
		if d > most {
			most, worst = d, i
		}
	}
	unit := math.Sqrt(power / float64(len(want)))
	c.Figure = fmt.Sprintf("largest difference %.2g of the root mean square", most/unit)
	if most <= bound*unit {
		return nil
	}
	return &conform.Wrong{Place: fmt.Sprintf("logit %d", worst), Expected: fmt.Sprintf("%g within %.2g", want[worst], bound*unit), Got: fmt.Sprint(got[worst])}
}

// logits are those of the last token of a text that is the same every time, in the exact form.
func (r *run) logits(table *kernels.Table, device model.Device, decode bool) (last []float32, err error) {
	m, err := model.Parse(demo.Model(), table)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	c, err := r.context(m, device, modelTokens, model.Exact)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	tokens := make([]int32, modelTokens)
	for i := range tokens {
		tokens[i] = int32(7+i*i*37) % int32(m.Vocab)
	}
	if !decode {
		logits, err := c.Prefill(tokens)
		return append(last, logits...), err
	}
	for _, t := range tokens {
		logits, err := c.Decode(t)
		if err != nil {
			return nil, err
		}
		last = append(last[:0], logits...)
	}
	return last, nil
}

// context is one of a model with a cache of f16, all of it on a device unless that is nil.
func (r *run) context(m *model.Model, device model.Device, size int, math model.Math) (*model.Context, error) {
	f16 := kv.Choice{Type: m.Table.ByName("f16")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f16, V: f16, Table: m.Table})
	if err != nil {
		return nil, err
	}
	o := model.Options{Plan: plan, Size: size, Math: math, Threads: r.Threads, Stop: r.ctx.Err}
	if device != nil {
		if o.Placements, err = m.Share(m.Layers+1, []model.Device{device}, nil); err != nil {
			return nil, err
		}
	}
	return m.NewContext(o)
}
