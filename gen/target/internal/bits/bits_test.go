package bits

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// value is what a says for index k.
func value(a Sum, k int) int {
	v := a.Base
	for _, d := range a.Digits {
		v += d.Step * (k / d.Unit % d.Size)
	}
	return v
}

// TestFrom: arithmetic of a stretch says the same of an index that starts elsewhere, and takes
// something from it only where it must.
func TestFrom(t *testing.T) {
	for _, c := range []struct {
		s        []int
		lo, rest int
	}{
		{[]int{8, 16, 24, 32}, 4, 0},
		{[]int{96, 96, 104, 104, 112, 112}, 8, 0},
		{[]int{96, 96, 104, 104, 112, 112}, 7, 7},
		{[]int{0, 8, 4, 12}, 4, 4},
		{[]int{5, 5, 5}, 6, 0},
	} {
		a, ok := Fit(c.s)
		if !ok {
			t.Fatalf("no arithmetic for %v", c.s)
		}
		from, rest := a.From(c.lo)
		if rest != c.rest {
			t.Errorf("%v from %d: %d is taken from the index, want %d", c.s, c.lo, rest, c.rest)
		}
		for k, want := range c.s {
			got := value(a, k)
			at := c.lo + k - rest
			moved := from.Base
			for _, d := range from.Digits {
				if rest == 0 {
					moved += d.Step * (at / d.Unit) // one digit that never starts again
				} else {
					moved += d.Step * (at / d.Unit % d.Size)
				}
			}
			if got != want || moved != want {
				t.Errorf("%v from %d: entry %d is %d and %d", c.s, c.lo, k, got, moved)
			}
		}
	}
}

// TestStretches cuts a code of one entry for two values where its parts change, and stores a part
// that two entries name once.
func TestStretches(t *testing.T) {
	one := func(bit int) []spec.Part { return []spec.Part{{Bit: bit, Width: 6}} }
	two := func(bit int) []spec.Part {
		return []spec.Part{{Bit: bit, Width: 4}, {Bit: bit + 64, Width: 2, Shift: 4}}
	}
	c := &spec.Code{Group: 2, Parts: [][]spec.Part{one(0), one(0), one(8), one(8), two(16), two(16), two(20), two(20), one(0), one(0)}}
	all := Entries(c)
	cut := Stretches(all)
	if len(all) != 5 || len(cut) != 3 || cut[1].Lo != 2 || cut[1].Hi != 4 || !slices.Equal(cut[1].Parts[1].Bit, []int{80, 84}) || cut[1].Parts[1].Shift != 4 {
		t.Errorf("%d entries in %+v", len(all), cut)
	}
	stored := Stretches(Written(all))
	if len(stored) != 3 || stored[0].Lo != 1 || stored[2].Lo != 4 {
		t.Errorf("stored are %+v", stored)
	}
}
