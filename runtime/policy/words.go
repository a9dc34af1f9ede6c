package policy

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Print writes a plan for a context of size positions: what was asked for on each side of each
// layer, what is in effect and why, equal layers together, and what it costs.
func Print(w io.Writer, p *kv.Plan, size int) {
	why := ""
	if len(p.Layers) > 0 {
		if why = p.Layers[0].K.Why; len(why) < 40 { // a short one stands with its side
			why = ""
		}
	}
	for i := range p.Layers {
		if l := p.Layers[i]; l.K.Why != why || l.V.Why != why {
			why = ""
		}
	}
	if why != "" {
		fmt.Fprintf(w, "  %s\n", why)
	}
	for _, group := range Alike(p) {
		l := p.Layers[group[0]]
		if why != "" {
			l.K.Why, l.V.Why = "as said above", "as said above"
		}
		window := ""
		if l.Layer.Window > 0 {
			window = fmt.Sprintf(", window %d", l.Layer.Window)
		}
		fmt.Fprintf(w, "  %s: %d KV heads of %d/%d%s\n", Spans(p, group), l.Layer.Heads, l.Layer.KeyDim, l.Layer.ValueDim, window)
		printSide(w, "K", l.K, l.Layer.KeyDim)
		printSide(w, "V", l.V, l.Layer.ValueDim)
		if e := l.Ends; e.Type != nil {
			packed := "older ones are packed 8 at a time"
			if size > 0 && e.First+e.Last >= size {
				packed = fmt.Sprintf("which is all of a context of %d: nothing is packed", size)
			}
			fmt.Fprintf(w, "    the first %d and the last %d rows stay in %s, %s\n", e.First, e.Last, e.Type.Name, packed)
		}
	}
	fmt.Fprintf(w, "  %s\n", Cost(p, size))
}

// Alike gathers the places in p.Layers of layers that are planned alike, wherever they stand, by
// the first of each.
func Alike(p *kv.Plan) (groups [][]int) {
next:
	for i := range p.Layers {
		for k, group := range groups {
			a, b := p.Layers[group[0]], p.Layers[i]
			if a.Layer.Index, b.Layer.Index = 0, 0; a == b {
				groups[k] = append(group, i)
				continue next
			}
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// Spans names layers of the model by their places in p.Layers: layers 0-4, 6-10, 12.
func Spans(p *kv.Plan, places []int) string {
	if len(places) == 1 {
		return fmt.Sprintf("layer %d", p.Layers[places[0]].Layer.Index)
	}
	var parts []string
	for lo := 0; lo < len(places); {
		hi := lo
		for hi+1 < len(places) && places[hi+1] == places[hi]+1 {
			hi++
		}
		from, to := p.Layers[places[lo]].Layer.Index, p.Layers[places[hi]].Layer.Index
		if from == to {
			parts = append(parts, fmt.Sprint(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, to))
		}
		lo = hi + 1
	}
	return "layers " + strings.Join(parts, ", ")
}

// Cost is what a plan stores, extras counted where there are any.
func Cost(p *kv.Plan, size int) string {
	if len(p.Layers) == 0 {
		return "no layer keeps rows"
	}
	extras := false
	for i := range p.Layers {
		extras = extras || p.Layers[i].Ends.Type != nil || p.Layers[i].OffsetBytes() > 0
	}
	if !extras {
		return fmt.Sprintf("%d bytes per token, %.3f bits per value", p.BytesPerToken(), p.BitsPerValue(0))
	}
	return fmt.Sprintf("%d bytes per packed token, %.3f bits per value with exact rows and offsets in a context of %d", p.BytesPerToken(), p.BitsPerValue(size), size)
}

func printSide(w io.Writer, name string, s kv.SidePlan, dim int) {
	from := ""
	if file := s.Effective.Type.Spec; file != "" {
		from = ", a type of " + file
	}
	fmt.Fprintf(w, "    %s: requested %s, in effect %s (%s), %.3f bits per value%s%s\n", name, s.Requested, s.Effective, s.Why, s.BitsPerValue,
		Padding(s.Effective.Type, dim), from)
}

// Padding says where heads of dim values are stored longer than they are.
func Padding(t *kernels.Type, dim int) string {
	if n := t.HeadDim(dim); n != dim {
		return fmt.Sprintf(", heads padded from %d to %d", dim, n)
	}
	return ""
}

// Summary is the choices in effect in a few words, such as q8_0 or 3 types: the keys' and the
// values'.
func Summary(p *kv.Plan) (k, v string) {
	effective := func(side func(kv.LayerPlan) kv.SidePlan) string {
		var names []string
		for _, l := range p.Layers {
			if n := side(l).Effective.String(); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		switch len(names) {
		case 0:
			return "none"
		case 1:
			return names[0]
		}
		return fmt.Sprintf("%d types", len(names))
	}
	return effective(func(l kv.LayerPlan) kv.SidePlan { return l.K }), effective(func(l kv.LayerPlan) kv.SidePlan { return l.V })
}
