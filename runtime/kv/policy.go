package kv

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/kernels"
)

// Choice says how one side of a layer is stored.
type Choice struct {
	Type     *kernels.Type
	Rotation *kernels.Rotation // nil for none
	Offset   *Offset           // of keys, nil for none
}

// String is the type's name, with "+" and the rotation's where there is one, and "-" and the
// offset's.
func (c Choice) String() string {
	s := c.Type.Name
	if c.Rotation != nil {
		s += "+" + c.Rotation.Name
	}
	if c.Offset != nil {
		s += "-" + c.Offset.Name
	}
	return s
}

// Policy is what the user asks for.
type Policy struct {
	K, V   Choice
	Layers map[int][2]Choice // exceptions: K and V by KV layer

	Ends      Ends         // rows that stay exact
	LayerEnds map[int]Ends // exceptions by KV layer

	// Fallback takes the place of a choice that a layer cannot have, with the reason in the plan.
	// Without one, a choice that cannot be honoured is an error.
	Fallback *kernels.Type

	// Table is what the types are of, nil for kernels.Default(): exact rows without a type are in
	// its f16.
	Table *kernels.Table

	// Known lists the types that an error may propose instead.
	Known []*kernels.Type
}

func (p *Policy) table() *kernels.Table {
	if p.Table == nil {
		return kernels.Default()
	}
	return p.Table
}

// choice returns what the policy asks for KV layer i.
func (p *Policy) choice(i int) (k, v Choice) {
	if own, ok := p.Layers[i]; ok {
		return own[0], own[1]
	}
	return p.K, p.V
}

// ends returns which rows of KV layer i stay exact.
func (p *Policy) ends(i int) (Ends, error) {
	e, ok := p.LayerEnds[i]
	if !ok {
		e = p.Ends
	}
	if e.First < 0 || e.Last < 0 || e.First > maxEnds || e.Last > maxEnds {
		return e, fmt.Errorf("the first %d and the last %d rows exact: want 0 to %d", e.First, e.Last, maxEnds)
	}
	switch {
	case !e.on():
		return Ends{}, nil
	case e.Type == nil:
		e.Type = p.table().ByName("f16")
	}
	if e.Type.Quantised || e.Type.Domain != nil {
		return e, fmt.Errorf("exact rows must be of a float type: %s is none", e.Type.Name)
	}
	return e, nil
}

// fits returns the rule by which a head of dim values cannot be stored so, or nil.
func (c Choice) fits(dim int) error {
	if err := c.Type.Fits(dim); err != nil {
		return err
	}
	if k := c.Type.Best(); k.Encode == nil || k.Matmul == nil || k.Mix == nil {
		return fmt.Errorf("%s: a type that is only read, not for the cache", c.Type.Name)
	}
	r := c.Rotation
	if r == nil {
		return nil
	}
	if r.Guard != nil && !r.Guard.Holds(dim, c.Type.Quantised) {
		return fmt.Errorf("rotation %s: head_dim %d of type %s does not satisfy %s", r.Name, dim, c.Type.Name, r.Guard.Text)
	}
	if dim%r.Transform.Size != 0 {
		return fmt.Errorf("rotation %s: head_dim %d is not a multiple of its tile of %d", r.Name, dim, r.Transform.Size)
	}
	return nil
}

// nearest names up to three known types that fit a head of dim values, those with the closest bits
// per value first.
func (p *Policy) nearest(c Choice, dim int) string {
	bits := float64(8*c.Type.Bytes) / float64(c.Type.Block)
	far := func(t *kernels.Type) float64 { return math.Abs(t.BitsPerValue(dim) - bits) }
	fit := slices.DeleteFunc(slices.Clone(p.Known), func(t *kernels.Type) bool {
		return t == c.Type || Choice{Type: t, Rotation: c.Rotation}.fits(dim) != nil
	})
	slices.SortStableFunc(fit, func(a, b *kernels.Type) int { return cmp.Compare(far(a), far(b)) })
	var names []string
	for _, t := range fit[:min(3, len(fit))] {
		names = append(names, t.Name)
	}
	if c.Rotation != nil && c.Type.Fits(dim) == nil {
		names = append([]string{c.Type.Name + " without rotation"}, names...)
	}
	switch {
	case names == nil && c.Rotation != nil:
		return "no known type fits with it"
	case names == nil:
		return "no known type fits"
	}
	return "types that fit: " + strings.Join(names, ", ")
}

// NewPlan decides how every layer is stored. A choice that cannot be honoured becomes the policy's
// fallback. Without one it is an error that names layers, side, rule and what would fit; all layers
// come in one error, equal ones together.
func NewPlan(layers []Layer, p Policy) (*Plan, error) {
	plan := &Plan{table: p.table()}
	if _, err := p.ends(-1); err != nil {
		return nil, err
	}
	var errs faults
	for i, l := range layers {
		k, v := p.choice(i)
		lp := LayerPlan{Layer: l}
		var err error
		if lp.Ends, err = p.ends(i); err != nil {
			errs.add(l.Index, "", err.Error())
		}
		for _, s := range []struct {
			name string
			to   *SidePlan
			want Choice
			dim  int
		}{{"K", &lp.K, k, l.KeyDim}, {"V", &lp.V, v, l.ValueDim}} {
			*s.to = SidePlan{Requested: s.want, Effective: s.want, Why: "as requested"}
			if err := s.want.fits(s.dim); err != nil {
				if p.Fallback == nil {
					errs.add(l.Index, s.name, fmt.Sprintf("%v (%s)", err, p.nearest(s.want, s.dim)))
					continue
				}
				s.to.Effective, s.to.Why = Choice{Type: p.Fallback}, err.Error()
			} else if err := s.want.Offset.fits(i, s.name == "K", l); err != nil {
				if p.Fallback == nil {
					errs.add(l.Index, s.name, err.Error())
					continue
				}
				s.to.Effective.Offset, s.to.Why = nil, err.Error()
			}
			s.to.size(l.Heads, s.dim)
		}
		plan.Layers = append(plan.Layers, lp)
	}
	return plan, errs.join()
}

// faults collects what is wrong with layers.
type faults []fault

// fault is a rule that a side of some layers breaks.
type fault struct {
	layers []int  // in order
	side   string // K, V, K and V, or nothing for all of a layer
	text   string
}

// add records a fault of one side of a layer, or of the whole layer where side is empty.
func (f *faults) add(layer int, side, text string) {
	i := slices.IndexFunc(*f, func(t fault) bool { return t.text == text && t.side == side })
	if i < 0 {
		i = len(*f)
		*f = append(*f, fault{side: side, text: text})
	}
	(*f)[i].layers = append((*f)[i].layers, layer)
}

// join makes an error of a line per fault, four at most, or nil. A fault of both sides of the same
// layers is one.
func (f faults) join() error {
	var all faults
	for _, t := range f {
		i := slices.IndexFunc(all, func(o fault) bool { return o.text == t.text && slices.Equal(o.layers, t.layers) })
		if i < 0 {
			all = append(all, t)
		} else {
			all[i].side += " and " + t.side
		}
	}
	var errs []error
	for i, t := range all {
		if i == 4 {
			errs = append(errs, fmt.Errorf("and %d more", len(all)-4))
			break
		}
		where := spans(t.layers)
		if t.side != "" {
			where += ", " + t.side
		}
		errs = append(errs, errors.New(where+": "+t.text))
	}
	return errors.Join(errs...)
}

// spans names layers in order, runs of them by their ends: layers 0-4, 6.
func spans(layers []int) string {
	var parts []string
	for lo := 0; lo < len(layers); {
		hi := lo
		for hi+1 < len(layers) && layers[hi+1] == layers[hi]+1 {
			hi++
		}
		part := strconv.Itoa(layers[lo])
		if hi > lo {
			part += "-" + strconv.Itoa(layers[hi])
		}
		parts = append(parts, part)
		lo = hi + 1
	}
	word := "layer "
	if len(layers) > 1 {
		word = "layers "
	}
	return word + strings.Join(parts, ", ")
}
