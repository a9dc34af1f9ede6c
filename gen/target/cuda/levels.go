package cuda

import (
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/gen/lower"
)

// book is a table of levels as the kernels use it: level = unit * (rows[0] + rows[1] / fine), rows of int8 by code.
type book struct {
	unit float32
	rows [][]int
	sums bool // a table of 16 may be the sum of two lookups wherever that is possible: what products with activations want, but not those of attention
}

// fine is how many levels of the second byte make one of the first. More would be nearer to the table, and what weighs the second
// byte, an integer that is so much smaller, farther from what it should be.
const fine = 64

// exactBook holds levels as one byte where they are whole numbers that a byte holds, else as two: 15 bits for the largest.
func exactBook(p *lower.Product) book {
	if p.Exact {
		return byteBook(p)
	}
	const most = 126 * fine
	var largest float64
	for _, v := range p.Levels {
		largest = max(largest, math.Abs(float64(v)))
	}
	unit := largest / most
	b := book{unit: float32(unit * fine), rows: make([][]int, 2)}
	for _, v := range p.Levels {
		n := int(math.RoundToEven(float64(v) / unit))
		first := n / fine // toward zero, so that both bytes have the sign of the level
		second := n - fine*first
		if n < 0 && second == 0 {
			first, second = first+1, -fine
		}
		b.rows[0], b.rows[1] = append(b.rows[0], first), append(b.rows[1], second)
	}
	return b
}

// byteBook rounds levels to one byte.
func byteBook(p *lower.Product) book {
	row := make([]int, len(p.Bytes))
	for c, l := range p.Bytes {
		row[c] = int(l)
	}
	return book{unit: p.Factor, rows: [][]int{row}}
}

// halves reports whether a table of 16 has negative levels below code 8 and others above, room for one more left.
func (b book) halves() bool {
	for _, row := range b.rows {
		if len(row) != 16 {
			return false
		}
		for c, l := range row {
			if c < 8 && l >= 0 || c >= 8 && (l < -1 || l > 126) {
				return false
			}
		}
	}
	return true
}

// pairs is a table of 16 as two tables of 8 whose lookups are to be added: where the other table holds the code, a lookup gives the
// sign of its entry for the code 8 away, 0 or -1. Nil where there is none.
func (b book) pairs(row []int) [][]int {
	if len(row) != 16 {
		return nil
	}
	two := [][]int{make([]int, 8), make([]int, 8)}
	sign := func(v int) int { return map[bool]int{true: 1}[v < 0] }
	for c := range 8 {
		found := false
		for signs := range 4 {
			low, high := row[c]+signs>>1, row[c+8]+signs&1
			if sign(low) == signs&1 && sign(high) == signs>>1 && max(low, high) <= 127 {
				two[0][c], two[1][c], found = low, high, true
			}
		}
		if !found {
			return nil
		}
	}
	return two
}

// summed reports whether each byte of a level is the sum of two lookups.
func (b book) summed() bool {
	if !b.sums {
		return b.halves()
	}
	for _, row := range b.rows {
		if b.pairs(row) == nil {
			return false
		}
	}
	return true
}

// terms is how many registers, to be added, hold one byte of the levels of four codes.
func (b book) terms() int {
	if b.summed() {
		return 2
	}
	return 1
}

// pack is four levels from row as the bytes of a word.
func pack(row []int, first int) string {
	var w uint32
	for k := range 4 {
		if first+k < len(row) {
			w |= uint32(uint8(row[first+k])) << (8 * k)
		}
	}
	return fmt.Sprintf("0x%08xu", w)
}

// lookup writes the function that turns four codes into levels.
func (s *typeText) lookup(name string, b book) {
	s.line("static constexpr int %s_terms = %d, %[1]s_coarse = %[3]d;", name, len(b.rows)*b.terms(), b.terms())
	s.line("static constexpr float %s_unit = %s;", name, number(b.unit))
	s.open("static __device__ __forceinline__ void %s(unsigned low, unsigned inverse, unsigned high, unsigned* out)", name)
	n := len(b.rows[0])
	for k, row := range b.rows {
		switch {
		case n <= 8:
			s.line("out[%d] = prmt(%s, %s, low);", k, pack(row, 0), pack(row, 4))
		case b.summed():
			two := b.pairs(row)
			s.line("out[%d] = prmt(%s, %s, low); // from code 8 on the sign of an entry, which the next makes good", 2*k, pack(two[0], 0), pack(two[0], 4))
			slices.Reverse(two[1])
			s.line("out[%d] = prmt(%s, %s, inverse); // a table from its end", 2*k+1, pack(two[1], 0), pack(two[1], 4))
		default:
			s.line("out[%d] = %s;", k, s.selects(row, 0, n))
		}
	}
	s.end("}")
}

// selects is a table of n entries from first on: tables of 8, and a choice by each further bit.
func (s *typeText) selects(row []int, first, n int) string {
	if n == 8 {
		return fmt.Sprintf("prmt(%s, %s, low & 0x7777u)", pack(row, first), pack(row, first+4))
	}
	mask := map[int]string{ // a byte of ones where the bit of the code is set
		16: "prmt(0xff00u, 0, low >> 3 & 0x1111u)",
		32: "prmt(0xff00ff00u, 0, high)",
		64: "prmt(0xffff0000u, 0, high)",
	}[n]
	return fmt.Sprintf("pick(%s, %s, %s)", mask, s.selects(row, first+n/2, n/2), s.selects(row, first, n/2))
}
