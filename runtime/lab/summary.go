package lab

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/eval"
)

// buckets is into how many parts the scored positions of a chunk are cut.
const buckets = 8

// Result summarises the journal.
func (j *Journal) Result() *Result {
	r := &Result{Header: j.Header}
	b := &bootstrap{}
	for i := range j.settings {
		all := make([]int, len(j.cells))
		for c := range all {
			all[c] = c
		}
		if t := j.table(b, i, all); t.Chunks > 0 {
			r.Tables = append(r.Tables, t)
		}
	}
	return r
}

// table summarises the named cells in one setting; those without a chunk are left out.
func (j *Journal) table(b *bootstrap, setting int, cells []int) Table {
	t := Table{Setting: j.settings[setting], Scored: j.settings[setting].Scored()}
	var sums eval.Sums
	var chunks []int
	for at := range j.chunks {
		if at.setting == setting && at.cell == Reference {
			chunks = append(chunks, at.chunk)
		}
	}
	slices.Sort(chunks)
	for _, k := range chunks {
		ref := j.chunks[chunkKey{setting, Reference, k}]
		for i := range t.Scored {
			sums.Add(eval.Position{RefNLL: float(ref.NLL, i)})
		}
	}
	if t.Chunks = len(chunks); t.Chunks > 0 {
		t.NLL, t.PPL, t.PPLError = sums.RefNLL().Mean, sums.RefPPL().Mean, sums.RefPPL().Error
	}
	for _, c := range cells {
		if r, ok := j.cellResult(b, setting, c, chunks); ok {
			t.Cells = append(t.Cells, r)
		}
	}
	t.compare(b)
	return t
}

// cellResult summarises a cell over those of the chunks that it has.
func (j *Journal) cellResult(b *bootstrap, setting, cell int, chunks []int) (r CellResult, ok bool) {
	l := &j.cells[cell]
	r = CellResult{Name: l.Name, Swap: l.Swap, Plan: l.Plan}
	var all [][]eval.Position // [chunk][scored]
	for _, k := range chunks {
		c, ok := j.chunks[chunkKey{setting, cell, k}]
		if !ok {
			continue
		}
		ref := j.chunks[chunkKey{setting, Reference, k}]
		all = append(all, c.unpack(ref.Positions))
		r.Chunk = append(r.Chunk, k)
		r.BitsPerValue, r.BytesPerToken = c.Bits, c.Bytes
	}
	if len(all) == 0 {
		return r, false
	}
	kld := func(p eval.Position) float64 { return p.KLD }
	r.PerChunk = perChunk(all, kld)
	r.Stats = summarise(b, all)
	first, scored := j.settings[setting].Context/2, len(all[0])
	for i := range min(buckets, scored) {
		lo, hi := i*scored/min(buckets, scored), (i+1)*scored/min(buckets, scored)
		part := make([][]eval.Position, len(all))
		for k := range all {
			part[k] = all[k][lo:hi]
		}
		r.ByPosition = append(r.ByPosition, Bucket{From: first + lo, To: first + hi, KLD: b.interval(perChunk(part, kld))})
	}
	return r, true
}

// summarise computes the statistics of positions, [chunk][scored].
func summarise(b *bootstrap, all [][]eval.Position) Stats {
	var sums eval.Sums
	flat := slices.Concat(all...)
	for _, p := range flat {
		sums.Add(p)
	}
	klds := eval.Sorted(flat, func(p eval.Position) float32 { return float32(p.KLD) })
	return Stats{
		Scored: sums.Count,
		KLD:    b.interval(perChunk(all, func(p eval.Position) float64 { return p.KLD })),
		Median: float64(eval.Median(klds)), P99: float64(eval.Percentile(klds, .99)), P999: float64(eval.Percentile(klds, .999)),
		Max: float64(klds[len(klds)-1]),
		SameTop: b.interval(perChunk(all, func(p eval.Position) float64 {
			if p.SameTop {
				return 1
			}
			return 0
		})),
		DeltaPMean: sums.DeltaP().Mean, DeltaPRMS: sums.DeltaPRMS().Mean,
		NLL: sums.NLL().Mean, PPL: sums.PPL().Mean, PPLError: sums.PPL().Error,
		LnRatio: b.interval(perChunk(all, func(p eval.Position) float64 { return float64(p.NLL) - float64(p.RefNLL) })),
	}
}

// perChunk is the mean of f in each chunk.
func perChunk(all [][]eval.Position, f func(eval.Position) float64) []float64 {
	means := make([]float64, len(all))
	for k, c := range all {
		for _, p := range c {
			means[k] += f(p)
		}
		means[k] /= float64(max(1, len(c)))
	}
	return means
}

// compare compares all pairs of cells, but for swaps, and marks what PPL orders otherwise.
func (t *Table) compare(b *bootstrap) {
	for i := range t.Cells {
		for k := range i {
			x, y := &t.Cells[k], &t.Cells[i]
			if x.Swap != nil || y.Swap != nil {
				continue
			}
			c, ok := compare(b, x, y)
			if !ok {
				continue
			}
			for _, z := range []*CellResult{x, y} {
				z.PPLMisleads = z.PPLMisleads || c.PPLDenies && z.Name == c.B
			}
			t.Comparisons = append(t.Comparisons, c)
		}
	}
}

// compare compares two cells on their common chunks, if there are any.
func compare(b *bootstrap, x, y *CellResult) (c Comparison, ok bool) {
	var less []float64
	for i, k := range x.Chunk {
		if n, found := slices.BinarySearch(y.Chunk, k); found {
			less = append(less, y.PerChunk[n]-x.PerChunk[i])
		}
	}
	if len(less) == 0 {
		return c, false
	}
	if mean(less) < 0 {
		for i := range less {
			less[i] = -less[i]
		}
		x, y = y, x
	}
	c = Comparison{A: x.Name, B: y.Name, Chunks: len(less), Less: b.interval(less)}
	c.Beats = c.Less.Low > 0 && c.Chunks >= Least
	c.PPLDenies = c.Beats && x.PPL > y.PPL && !math.IsNaN(x.PPL-y.PPL)
	return c, true
}
