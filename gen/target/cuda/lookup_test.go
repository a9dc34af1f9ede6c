package cuda

import (
	"math/rand/v2"
	"testing"

	"github.com/kvgen/kvgen/gen/target/ctext"
)

// signs is a table of 16 with negative levels below code 8 and others above.
func signs() (row []int) {
	for c := range 16 {
		row = append(row, 10*c-80)
	}
	return row
}

// TestHalves holds the bounds of levels that two lookups can be added for without a choice.
func TestHalves(t *testing.T) {
	for _, c := range []struct {
		code, level int
		want        bool
	}{
		{0, -128, true}, {0, -1, true}, {0, 0, false}, {7, -1, true}, {7, 0, false},
		{8, 0, true}, {8, -1, true}, {8, -2, false}, {15, 126, true}, {15, 127, false},
	} {
		row := signs()
		row[c.code] = c.level
		for _, rows := range [][][]int{{row}, {signs(), row}} {
			if got := (lookup{ctext.Book{Rows: rows}}).halves(); got != c.want {
				t.Errorf("level %d of code %d in %v: %v", c.level, c.code, rows, got)
			}
		}
	}
	for _, n := range []int{8, 15, 17, 32} {
		row := append(signs(), make([]int, 16)...)[:n]
		if (lookup{ctext.Book{Rows: [][]int{row}}}).halves() {
			t.Errorf("a table of %d", n)
		}
	}
}

// prmt is one byte of the device's instruction: an entry of a table of 8 by the low three bits of a
// code, or its sign where the code's fourth bit is set.
func prmt(table []int, code int) int {
	v := int8(table[code&7])
	if code&8 == 0 {
		return int(v)
	}
	return int(v >> 7)
}

// TestPairs holds the two tables of a row to their meaning: for every code the lookups, by the code
// and by the code of the other half, add up to the level. There is none where no sum gives it.
func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := [][]int{signs()}
	for range 2000 {
		row := make([]int, 16)
		for c := range row {
			row[c] = r.IntN(256) - 128
			if r.IntN(4) == 0 {
				row[c] = []int{-128, -2, -1, 0, 1, 126, 127}[r.IntN(7)]
			}
		}
		rows = append(rows, row)
	}
	found, exist := 0, sums()
	for _, row := range rows {
		two := (lookup{}).pairs(row)
		possible := true
		for c := range 8 {
			possible = possible && exist[[2]int{row[c], row[c+8]}]
		}
		if possible != (two != nil) {
			t.Fatalf("%v: tables %v, and there are some: %v", row, two, possible)
		}
		if two == nil {
			continue
		}
		found++
		for code, want := range row {
			if got := prmt(two[0], code) + prmt(two[1], code^8); got != want {
				t.Fatalf("%v: code %d gives %d of %v", row, code, got, two)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d of %d rows have two tables", found, len(rows))
	}
	if two := (lookup{}).pairs(signs()[:15]); two != nil {
		t.Errorf("a row of 15: %v", two)
	}
}

// sums are the levels of a code and of the code 8 above that two bytes give, each with the other's
// sign added.
func sums() map[[2]int]bool {
	all := map[[2]int]bool{}
	for a := -128; a < 128; a++ {
		for b := -128; b < 128; b++ {
			all[[2]int{a + b>>8, b + a>>8}] = true
		}
	}
	return all
}
