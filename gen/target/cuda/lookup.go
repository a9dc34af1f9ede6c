package cuda

import (
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/gen/target/ctext"
)

// Levels are looked up by prmt, which picks bytes of two words by the nibbles of a third. That is a
// table of 8 entries for four codes at once; a nibble of 8 or more gives the sign of an entry.

// lookup is how a book is looked up.
type lookup struct{ ctext.Book }

// halves reports whether a table of 16 has negative levels below code 8 and others above, room for
// one more left.
func (b lookup) halves() bool {
	for _, row := range b.Rows {
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

// pairs is a table of 16 as two tables of 8 whose lookups are to be added. Where the other table
// holds the code, a lookup gives the sign of its entry for the code 8 away, 0 or -1. Nil where
// there is none.
func (b lookup) pairs(row []int) [][]int {
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
func (b lookup) summed() bool {
	if !b.Sums {
		return b.halves()
	}
	for _, row := range b.Rows {
		if b.pairs(row) == nil {
			return false
		}
	}
	return true
}

// terms is how many registers, to be added, hold one byte of the levels of four codes.
func (b lookup) terms() int {
	if b.summed() {
		return 2
	}
	return 1
}

// levels are the statements for a book.
func (b lookup) levels() (statements []string) {
	say := func(format string, args ...any) { statements = append(statements, fmt.Sprintf(format, args...)) }
	n := len(b.Rows[0])
	for k, row := range b.Rows {
		switch {
		case n <= 8:
			say("out[%d] = prmt(%s, %s, low);", k, pack(row, 0), pack(row, 4))
		case b.summed():
			two := b.pairs(row)
			say("out[%d] = prmt(%s, %s, low); // from code 8 on the sign of an entry, which the next makes good", 2*k, pack(two[0], 0), pack(two[0], 4))
			slices.Reverse(two[1])
			say("out[%d] = prmt(%s, %s, inverse); // a table from its end", 2*k+1, pack(two[1], 0), pack(two[1], 4))
		default:
			say("out[%d] = %s;", k, selects(row, 0, n))
		}
	}
	return statements
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

// selects is a table of n entries from first on: tables of 8, and a choice by each further bit.
func selects(row []int, first, n int) string {
	if n == 8 {
		return fmt.Sprintf("prmt(%s, %s, low & 0x7777u)", pack(row, first), pack(row, first+4))
	}
	mask := map[int]string{ // a byte of ones where the bit of the code is set
		16: "prmt(0xff00u, 0, low >> 3 & 0x1111u)",
		32: "prmt(0xff00ff00u, 0, high)",
		64: "prmt(0xffff0000u, 0, high)",
	}[n]
	return fmt.Sprintf("pick(%s, %s, %s)", mask, selects(row, first+n/2, n/2), selects(row, first, n/2))
}
