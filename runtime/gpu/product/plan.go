package product

import (
	"fmt"
)

// job is a product with few tokens.
type job struct {
	tokens         int // log2 of as many as it may have
	slots, outputs int // 1, or each with one token; of a slot
}

// plan is how a product with few tokens is shared out.
type plan struct {
	lanes, parts int // log2 of the lanes that a row has and of the warps that share its pieces
	// pieces that a lane has of a row, and those whose activations fit shared memory
	rounds, chunk int
	blocks        int // for each slot
	shared        int // bytes
}

// plan finds the best way.
func (x *Kernel) plan(j job) (plan, error) {
	if p, ok := x.planned[j]; ok {
		return p, nil
	}
	var best plan
	least := 0.0
	for _, lanes := range []int{5, 4, 3} {
		for parts := range 5 {
			p, cost := x.planOf(j, lanes, parts)
			if cost > 0 && (least == 0 || cost < least) {
				best, least = p, cost
			}
		}
	}
	if least == 0 {
		return plan{}, fmt.Errorf("gpu: activations of a product must fit shared memory, %d bytes on %s: those of %d tokens of %d values do not", x.shared(), x.q.Limits().Name, 1<<j.tokens, x.Matrix.N)
	}
	x.planned[j] = best
	return best, nil
}

// planOf is the way with so many lanes and parts, and what it costs: the rounds that a block makes,
// the work between rows as a part of one. The cost is 0 if activations do not fit. What it is made
// of was fitted to TestPlanBench on an H200.
func (x *Kernel) planOf(j job, lanes, parts int) (plan, float64) {
	const reload = 0.5 // of a round
	between, factor := 0.4, 1.0
	rows, tokens := x.rows[j.tokens], 1<<j.tokens
	if tokens == 1 {
		// rounds of few rows are short; few lanes have short rows
		between, factor = 2/float64(rows), 1+.15*float64(5-lanes)
		if parts > 0 {
			between *= 3 // warps wait for each other
		}
	}
	if x.share.warps>>parts == 0 {
		return plan{}, 0
	}
	stride := 1 << (lanes + parts)
	p := plan{lanes: lanes, parts: parts}
	p.rounds = (x.Matrix.N + x.values*stride - 1) / (x.values * stride)
	ring := 0
	if tokens == 1 {
		ring = x.ring
	}
	sums := ring + 4*2*x.share.warps<<(5-lanes)*rows*tokens
	if p.chunk = p.rounds; x.bytes > 0 {
		p.chunk = min(p.rounds, (x.shared()-sums)/(stride*x.bytes*tokens))
	}
	if p.chunk < 1 {
		return p, 0
	}
	p.shared = p.chunk*stride*x.bytes*tokens + sums
	if x.Gated {
		rows /= 2
	}
	outputs := rows << (5 - lanes) * (x.share.warps >> parts) // of a block at a time
	tiles := (j.outputs + outputs - 1) / outputs
	blocks := x.q.Limits().Cores
	if tokens == 1 {
		blocks *= x.share.blocks
	}
	p.blocks = min(tiles, max(1, blocks/j.slots))
	cost := (float64(p.rounds) + between) * factor
	if p.chunk < p.rounds {
		cost += reload * float64(p.rounds)
	}
	return p, cost * float64((tiles+p.blocks-1)/p.blocks)
}
