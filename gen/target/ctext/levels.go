package ctext

import (
	"math"

	"github.com/kvgen/kvgen/gen/lower"
)

// Book is a table of levels as the kernels use it: level = Unit * (Rows[0] + Rows[1] / fine), rows
// of int8 by code.
type Book struct {
	Unit float32
	Rows [][]int
	// Sums says that a table of 16 may be the sum of two lookups wherever that is possible.
	// Products with activations want that, attention does not.
	Sums bool
}

// fine is how many levels of the second byte make one of the first. More would be nearer to the
// table, and what weighs the second byte, an integer that is so much smaller, farther from what it
// should be.
const fine = 64

// exactBook holds levels as one byte where they are whole numbers that a byte holds, else as two:
// 15 bits for the largest.
func exactBook(p *lower.Product) Book {
	if p.Exact {
		return byteBook(p)
	}
	const most = 126 * fine
	var largest float64
	for _, v := range p.Levels {
		largest = max(largest, math.Abs(float64(v)))
	}
	unit := largest / most
	b := Book{Unit: float32(unit * fine), Rows: make([][]int, 2)}
	for _, v := range p.Levels {
		n := int(math.RoundToEven(float64(v) / unit))
		first := n / fine // toward zero, so that both bytes have the sign of the level
		second := n - fine*first
		if n < 0 && second == 0 {
			first, second = first+1, -fine
		}
		b.Rows[0], b.Rows[1] = append(b.Rows[0], first), append(b.Rows[1], second)
	}
	return b
}

// byteBook rounds levels to one byte.
func byteBook(p *lower.Product) Book {
	row := make([]int, len(p.Bytes))
	for c, l := range p.Bytes {
		row[c] = int(l)
	}
	return Book{Unit: p.Factor, Rows: [][]int{row}}
}

// lookup writes the function that turns four codes into levels.
func (s *typeText) lookup(name string, b Book) {
	terms := s.Terms(b)
	s.line(s.Constant+" int %s_terms = %d, %[1]s_coarse = %[3]d;", name, len(b.Rows)*terms, terms)
	s.line(s.Constant+" float %s_unit = %s;", name, number(b.Unit))
	s.open("%s void %s(unsigned low, unsigned inverse, unsigned high, %s out)", s.Inline, name, s.Out)
	for _, statement := range s.Levels(b) {
		s.line("%s", statement)
	}
	s.end("}")
}
