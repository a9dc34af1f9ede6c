package gen_test

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/lower"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/abi"
)

// mixes adds weighted rows.
func (e *evaluator) mixes(t *spec.Type) {
	if !t.KV {
		return
	}
	levels := e.lower("mixLevels"+id(t), func(c lower.Caps, name string) *ir.Func { return lower.Levels(t, c, name) })
	if levels != nil {
		e.mixLevels(t, levels)
	}
	pairs := e.lower("mixPairs"+id(t), func(c lower.Caps, name string) *ir.Func { return lower.Pairs(t, c, name) })
	if pairs != nil {
		e.mixPairs(t, pairs)
	}
	for stem, rounded := range map[string]bool{"mix": false, "mixQ8": true} {
		if rounded && pairs != nil || !rounded && levels != nil {
			continue
		}
		for m := 1; m <= 6; m++ {
			f := e.lower(xm(stem, m, id(t)), func(c lower.Caps, name string) *ir.Func { return lower.Mix(t, c, m, rounded, name) })
			for units := 1; f != nil && units <= 5; units += 4 {
				e.mix(f, t, m, 3, units, rounded)
			}
		}
	}
}

// mix compares with sums in float64.
func (e *evaluator) mix(f *ir.Func, t *spec.Type, m, rows, units int, rounded bool) {
	e.Helper()
	unit, _ := e.unitOf(t)
	n := units * unit
	v, p := e.weights(t, rows, n), noise(m*rows, 31, .5)
	o, ldo := spread(sevens(m*n), n)
	ps, ldp := spread(p, rows)
	e.run(f, o, ir.Int(ldo), ps, ir.Int(ldp), v.packed, ir.Int(v.stride), ir.Int(rows), ir.Int(units))
	e.compareMix(f, t, o, ldo, p, v.values, m, rows, n, rounded, 0)
}

func sevens(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 7
	}
	return x
}

// compareMix holds o, which began as all 7, to the sums of p*v. step is half a step of a weight.
func (e *evaluator) compareMix(f *ir.Func, t *spec.Type, o ir.Memory, ldo int, p, v []float32, m, rows, n int, rounded bool, step float64) {
	e.Helper()
	for j := range m {
		row := p[j*rows:][:rows]
		bound := 4*0x1p-23*7 + float64(rows)*step*largest(row)*largest(v)
		for r, w := range row {
			size := math.Abs(float64(w)) * largest(v[r*n:][:n])
			bound += 4 * 0x1p-23 * size * math.Sqrt(float64(rows+1))
			if rounded && t.Codebook != nil && !t.Codebook.Int8 {
				bound += size / 128
			}
		}
		for i := range n {
			want := 7.0
			for r, w := range row {
				want += float64(w) * float64(v[r*n+i])
			}
			e.within(f, fmt.Sprintf("o[%d][%d] of %d", j, i, n), float(o, j*ldo/4+i), want, bound)
		}
	}
}

// mixLevels unpacks rows to bytes and adds these.
func (e *evaluator) mixLevels(t *spec.Type, unpack *ir.Func) {
	const rows = 5
	v := e.weights(t, rows, t.Block)
	levels, scales := make(ir.Memory, rows*t.Block), make(ir.Memory, 4*rows)
	e.run(unpack, levels, scales, v.packed, ir.Int(v.stride), ir.Int(rows))
	for m := 1; m <= 6; m++ {
		f := e.lower(xm("mixLevels", m, ""), func(c lower.Caps, name string) *ir.Func { return lower.MixLevels(c, m, name) })
		p := noise(m*rows, 32, .5)
		weights := append([]float32(nil), p...)
		for i := range weights {
			weights[i] *= float(scales, i%rows)
		}
		o, ldo := spread(sevens(m*t.Block), t.Block)
		ps, ldp := spread(weights, rows)
		e.run(f, o, ir.Int(ldo), ps, ir.Int(ldp), levels, ir.Int(t.Block), ir.Int(rows), ir.Int(t.Block))
		e.compareMix(f, t, o, ldo, p, v.values, m, rows, t.Block, false, 0x1p-24)
	}
}

// mixPairs unpacks pairs of rows, rounds weights to 16 bits, adds products of pairs and puts them
// where the type has them.
func (e *evaluator) mixPairs(t *spec.Type, unpack *ir.Func) {
	const rows = 6
	v := e.weights(t, rows, t.Block)
	levels, scales := make(ir.Memory, rows*t.Block), make(ir.Memory, 4*abi.MixRows)
	e.run(unpack, levels, scales[:4*rows], v.packed, ir.Int(v.stride), ir.Int(rows))
	round := e.lower("mixWeights", lower.MixWeights)
	place := e.lower("mixPlace"+id(t), func(c lower.Caps, name string) *ir.Func { return lower.Place(t, c, name) })
	for m := 1; m <= 6; m++ {
		f := e.lower(xm("mixPairs", m, ""), func(c lower.Caps, name string) *ir.Func { return lower.MixPairs(c, m, name) })
		p, filled := noise(m*rows, 33, .5), make([]float32, m*abi.MixRows)
		for j := range m {
			copy(filled[j*abi.MixRows:], p[j*rows:][:rows])
		}
		weights, ldp := spread(filled, abi.MixRows)
		q, d := make(ir.Memory, 2*m*abi.MixRows), make(ir.Memory, 4*m)
		e.run(round, q, d, weights, ir.Int(ldp), scales, ir.Int(m))
		e.rounded(round, q, d, filled, scales, m)
		o, ldo := spread(sevens(m*t.Block), t.Block)
		args := []ir.Argument{o, ir.Int(ldo)}
		sums := make(ir.Memory, 4*m*t.Block)
		if place != nil {
			args = []ir.Argument{sums, ir.Int(4 * t.Block)}
		}
		e.run(f, append(args, q, ir.Int(2*abi.MixRows), d, levels, ir.Int(2*t.Block), ir.Int(rows/2), ir.Int(t.Block))...)
		if place != nil {
			e.run(place, o, ir.Int(ldo), sums, ir.Int(m))
		}
		e.compareMix(f, t, o, ldo, p, v.values, m, rows, t.Block, true, 1./65534)
	}
}

// rounded holds weights of 16 bits to half a step.
func (e *evaluator) rounded(f *ir.Func, q, d ir.Memory, p []float32, scales ir.Memory, m int) {
	e.Helper()
	for j := range m {
		for r := range abi.MixRows {
			want := float64(p[j*abi.MixRows+r]) * float64(float(scales, r))
			got := float32(int16(binary.LittleEndian.Uint16(q[2*(j*abi.MixRows+r):]))) * float(d, j)
			e.within(f, fmt.Sprintf("weight %d of row %d", r, j), got, want, float64(float(d, j))*0.501)
		}
	}
}
