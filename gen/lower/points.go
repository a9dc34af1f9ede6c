package lower

import (
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// points is a level that several values get together: words of a table of points, times signs.
type points struct {
	words []*spec.Lookup // values of points, of int8
	signs []signs        // what they are multiplied by, besides words of signs
}

// signs is 1 or -1 by a code.
type signs struct {
	code   *spec.Code
	levels []float32
}

// wordValues is the number of values that one index brings.
const wordValues = 4

// pointsOf takes a level apart that looks up points; nil where it looks up none.
func pointsOf(level spec.Expr) (p *points, levels []float32) {
	found := false
	spec.Walk(level, func(e spec.Expr) {
		l, ok := e.(*spec.Lookup)
		found = found || ok && l.Point != nil
	})
	if !found {
		return nil, nil
	}
	p = &points{}
	main := -1 // the word whose values are no signs
	for _, e := range factors(level) {
		l, ok := e.(*spec.Lookup)
		if !ok || l.Point == nil {
			c := codeOf(e)
			s := signs{c, levelsOf(e, c)}
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
	return p, slices.Compact(levels)
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
	return len(p.words)+len(p.signs) == 1 || !slices.Contains(levels, 0)
}

// pointBytes is the levels of 32 values.
func (r *reader) pointBytes(values []int) *ir.Value {
	p, b := r.a.points, r.b
	var v *ir.Value
	for _, l := range p.words {
		w := r.words(l, values)
		if v != nil {
			w = b.SignB(v, w)
		}
		v = w
	}
	for _, s := range p.signs {
		table := make([]byte, max(16, len(s.levels)))
		for k, l := range s.levels {
			table[k] = byte(int8(l))
		}
		v = b.SignB(v, r.lookup(gatherBytes(b, r.block, r.t, s.code, values), table))
	}
	return v
}

// words brings the values of l for 32 values, four by each lane.
func (r *reader) words(l *spec.Lookup, values []int) *ir.Value {
	b, n := r.b, ir.VectorLanes
	at, first := l.At.(*spec.PerIndex), make([]uint32, n)
	for k := range n {
		i := values[wordValues*k]
		if first[k] = uint32(at.I[i] / wordValues); i%wordValues != 0 || values[wordValues*k+wordValues-1] != i+wordValues-1 {
			giveUp("points in an order of bytes")
		}
	}
	index := r.computed(l.Point, func(k int) int { return values[wordValues*k] }, n)
	if each := l.Book.Dim / wordValues; each > 1 {
		index = b.AddI(b.MulI(index, ir.Splat(uint32(each))), dwordConst(first))
	}
	table := make([]byte, len(l.Book.Levels))
	for k, v := range l.Book.Levels {
		table[k] = byte(int8(v))
	}
	return b.As(bytes(chunk), b.Levels(index, ir.At(b.Table(table, l.Book.Name), 0)))
}
