package lab

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
)

// loss is the predicted loss of a candidate on one side of a layer.
func (m *measured) loss(side, layer, candidate int) float64 {
	return m.single[side][layer] * m.whole[side][candidate] / max(m.whole[side][m.probe[side]], 1e-12)
}

// mixed finds the best policy by layer for each choice of exact ends, by rising predicted loss.
func (m *measured) mixed() (all []Guess) {
	for e, ends := range m.t.Ends {
		base, ok := m.guess("", kv.Policy{K: m.t.K[m.probe[0]], V: m.t.V[m.probe[1]], Ends: ends})
		if !ok {
			continue
		}
		var items [][]option
		for l := range m.t.layers {
			for s := range sides {
				items = append(items, m.options(s, l, base))
			}
		}
		picks, ok := allocate(items, m.t.Budget-base.Bits)
		if !ok {
			continue
		}
		p, loss := base.Policy, 0.0
		p.Layers = map[int][2]kv.Choice{}
		for l := range m.t.layers {
			k, v := items[2*l][picks[2*l]], items[2*l+1][picks[2*l+1]]
			p.Layers[l] = [2]kv.Choice{m.t.K[k.choice], m.t.V[v.choice]}
			loss += k.loss + v.loss
		}
		if g, ok := m.guess(fmt.Sprintf("tuned to %.4g bits%s", m.t.Budget, endsName(ends)), p); ok {
			g.KLD = loss * m.ends[e]
			all = append(all, g)
		}
	}
	return byLoss(all)
}

// options lists the ways of storing one side of a layer. Bits are those of the whole policy, per
// value, beyond those of base.
func (m *measured) options(side, layer int, base Guess) (all []option) {
	for i, c := range m.t.candidates(side) {
		if math.IsNaN(m.whole[side][i]) {
			continue
		}
		own := [2]kv.Choice{base.Policy.K, base.Policy.V}
		own[side] = c
		p := base.Policy
		p.Layers = map[int][2]kv.Choice{layer: own}
		if g, ok := m.guess("", p); ok {
			all = append(all, option{i, g.Bits - base.Bits, m.loss(side, layer, i)})
		}
	}
	return all
}

// uniform lists the policies with equal layers within the budget, by rising predicted loss.
func (m *measured) uniform() (all []Guess) {
	for e, ends := range m.t.Ends {
		for i, k := range m.t.K {
			for n, v := range m.t.V {
				g, ok := m.guess(fmt.Sprintf("%s/%s%s", k, v, endsName(ends)), kv.Policy{K: k, V: v, Ends: ends})
				if ok && g.Bits <= m.t.Budget {
					g.KLD = (m.whole[0][i] + m.whole[1][n]) * m.ends[e]
					all = append(all, g)
				}
			}
		}
	}
	return byLoss(all)
}

// guess plans a policy; ok is false where it does not fit the model.
func (m *measured) guess(name string, p kv.Policy) (g Guess, ok bool) {
	plan, err := kv.NewPlan(m.t.layers, p)
	if err != nil {
		return g, false
	}
	return Guess{Name: name, Policy: p, Bits: plan.BitsPerValue(m.t.Size), plan: plan}, true
}

// least is the storage of the smallest policy, in bits per value. Sides of layers add up, so each
// is minimised alone, beside a reference that is the same for all.
func (t *Tuner) least() float64 {
	bits := func(p kv.Policy) float64 {
		plan, err := kv.NewPlan(t.layers, p)
		if err != nil {
			return math.Inf(1) // it does not fit this layer
		}
		return plan.BitsPerValue(t.Size)
	}
	least := math.Inf(1)
	for _, ends := range t.Ends {
		p := t.reference()
		p.Ends = ends
		base := bits(p)
		sum := base
		for s := range sides {
			for l := range t.layers {
				smallest := math.Inf(1)
				for _, c := range t.candidates(s) {
					q := t.swap(s, l, c)
					q.Ends = ends
					smallest = min(smallest, bits(q))
				}
				sum += smallest - base
			}
		}
		least = min(least, sum)
	}
	return least
}

func byLoss(all []Guess) []Guess {
	slices.SortStableFunc(all, func(a, b Guess) int { return cmp.Compare(a.KLD, b.KLD) })
	return all
}
