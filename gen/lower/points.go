package lower

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// points is a level that several values get together: words of a table of points, times signs.
type points struct {
	words []*spec.Lookup // values of points, of int8, multiplied by one another
	signs []part         // 1 or -1, which they are multiplied by too
	shift *part          // what is added

	whole spec.Expr // instead: an integer of several codes or of i, computed for each value
}

// wholeOf takes a level that is an integer of a byte; nil where it is none.
func wholeOf(level spec.Expr) (p *points, levels []float32) {
	c, ok := level.(*spec.Call)
	if !ok || c.Fn != "float" {
		return nil, nil
	}
	whole := c.Args[0]
	b := whole.Bounds()
	if !b.Within(-math.MaxInt8, math.MaxInt8) {
		return nil, nil
	}
	for v := b.Lo; v <= b.Hi; v++ {
		levels = append(levels, float32(v))
	}
	return &points{whole: whole}, levels
}

// readsPoints reports whether e looks up a point.
func readsPoints(e spec.Expr) (found bool) {
	spec.Walk(e, func(e spec.Expr) {
		l, ok := e.(*spec.Lookup)
		found = found || ok && l.Point != nil
	})
	return found
}

// part is whole numbers by a code.
type part struct {
	code   *spec.Code
	levels []float32
}

// partOf reads e, which depends on one code.
func partOf(e spec.Expr) part {
	c := codeOf(e)
	p := part{c, levelsOf(e, c)}
	if c.Bits > 4 || slices.ContainsFunc(p.levels, func(v float32) bool { return v != float32(int8(v)) }) {
		giveUp("points with a part of %s", plural(c.Bits, "bit"))
	}
	return p
}

// wordValues is the number of values that one index brings.
const wordValues = 4

// pointsOf takes a level apart that looks up points; nil where it looks up none.
func pointsOf(level spec.Expr) (p *points, levels []float32) {
	if !readsPoints(level) {
		return nil, nil
	}
	p = &points{}
	if sum, ok := level.(*spec.Binary); ok && sum.Op == "+" {
		level = sum.X
		shift := partOf(sum.Y)
		p.shift = &shift
	}
	main := -1 // the word whose values are no signs
	for _, e := range factors(level) {
		l, ok := e.(*spec.Lookup)
		if !ok || l.Point == nil {
			s := partOf(e)
			if !onlySigns(s.levels) {
				giveUp("points times what is not a sign")
			}
			p.signs = append(p.signs, s)
			continue
		}
		mustBeWords(l)
		if p.words = append(p.words, l); !onlySigns(l.Book.Levels) {
			if main >= 0 {
				giveUp("a product of two tables of points")
			}
			main = len(p.words) - 1
		}
	}
	if main > 0 {
		p.words[0], p.words[main] = p.words[main], p.words[0]
	}
	levels = slices.Clone(p.words[0].Book.Levels)
	if len(p.words)+len(p.signs) > 1 {
		for _, v := range p.words[0].Book.Levels {
			levels = append(levels, -v)
		}
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	if p.shift != nil {
		var sums []float32
		for _, v := range levels {
			for _, s := range p.shift.levels {
				sums = append(sums, v+s)
			}
		}
		slices.Sort(sums)
		levels = slices.Compact(sums)
		if slices.Min(levels) <= math.MinInt8 || slices.Max(levels) > math.MaxInt8 {
			giveUp("points whose sums no byte holds")
		}
	}
	return p, levels
}

// factors is what e is a product of.
func factors(e spec.Expr) []spec.Expr {
	switch x := e.(type) {
	case *spec.Binary:
		if x.Op == "*" {
			return append(factors(x.X), factors(x.Y)...)
		}
	case *spec.Call:
		if x.Fn == "float" {
			return factors(x.Args[0])
		}
	}
	return []spec.Expr{e}
}

func onlySigns(levels []float32) bool {
	return !slices.ContainsFunc(levels, func(v float32) bool { return v != 1 && v != -1 })
}

// mustBeWords gives up where four values do not lie side by side in the table.
func mustBeWords(l *spec.Lookup) {
	at, ok := l.At.(*spec.PerIndex)
	if !ok || !l.Book.Int8 || l.Book.Dim%wordValues != 0 || l.Point.Run()%wordValues != 0 {
		giveUp("points of %s that are not read in fours", plural(l.Book.Dim, "value"))
	}
	for i, k := range at.I {
		if k != at.I[i/wordValues*wordValues]+i%wordValues || i%wordValues == 0 && k%wordValues != 0 {
			giveUp("points whose values are read out of order")
		}
	}
	if slices.ContainsFunc(l.Book.Levels, func(v float32) bool { return v == math.MinInt8 }) {
		giveUp("points of -128, which has no opposite in a byte")
	}
}

// exact reports whether bytes hold the levels in all their bits: 0 times a sign may be -0.
func (p *points) exact(levels []float32) bool {
	return p.whole != nil || p.shift != nil || len(p.words)+len(p.signs) == 1 || !slices.Contains(levels, 0)
}

// pointBytes is the levels of 32 values.
func (r *reader) pointBytes(values []int) *ir.Value {
	p, b := r.a.points, r.b
	if p.whole != nil {
		var four [4]*ir.Value
		for q := range four {
			four[q] = r.computed(p.whole, func(l int) int { return values[ir.VectorLanes*q+l] }, ir.VectorLanes)
		}
		return b.PackS4(four[:]...)
	}
	var v *ir.Value
	for _, l := range p.words {
		w := r.words(l, values)
		if v != nil {
			w = b.SignB(v, w)
		}
		v = w
	}
	for _, s := range p.signs {
		v = b.SignB(v, r.partBytes(s, values))
	}
	if p.shift != nil {
		v = b.SumB(v, r.partBytes(*p.shift, values))
	}
	return v
}

// partBytes is p for 32 values.
func (r *reader) partBytes(p part, values []int) *ir.Value {
	table := make([]byte, 16)
	for k, l := range p.levels {
		table[k] = byte(int8(l))
	}
	return r.lookup(gatherBytes(r.b, r.block, r.t, p.code, values), table)
}

// words brings the values of l for 32 values: 4 by each lane, or 8 by two where a point has them.
func (r *reader) words(l *spec.Lookup, values []int) *ir.Value {
	b, n := r.b, ir.VectorLanes
	at, first, eights := l.At.(*spec.PerIndex), make([]uint32, n), l.Book.Dim%8 == 0
	for k := range n {
		i := values[wordValues*k]
		if first[k] = uint32(at.I[i] / wordValues); i%wordValues != 0 || values[wordValues*k+wordValues-1] != i+wordValues-1 {
			giveUp("points in an order of bytes")
		}
		if k%2 == 1 { // both halves of 8 values of a point
			eights = eights && first[k-1]%2 == 0 && first[k] == first[k-1]+1 && values[wordValues*k] == values[wordValues*(k-1)]+wordValues && l.Point.Run()%8 == 0
		}
	}
	each := l.Book.Dim / wordValues
	if eights {
		each /= 2
		for k := range first {
			first[k] /= 2
		}
	}
	index := r.computed(l.Point, func(k int) int { return values[wordValues*k] }, n)
	if each > 1 {
		index = b.AddI(b.MulI(index, ir.Splat(uint32(each))), dwordConst(first))
	}
	table := make([]byte, len(l.Book.Levels))
	for k, v := range l.Book.Levels {
		table[k] = byte(int8(v))
	}
	look := b.Levels
	if eights {
		look = b.Levels8
	}
	return b.As(bytes(chunk), look(index, ir.At(b.Table(table, l.Book.Name), 0)))
}
