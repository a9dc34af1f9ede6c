package lower

import (
	"os"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestInt8Levels says what bytes hold of the levels of types that are no whole numbers as they
// stand: a constant goes to what is added, the factor is searched, and what is computed is not
// rounded.
func TestInt8Levels(t *testing.T) {
	set, err := spec.Load(os.DirFS("../../testdata/unseen"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, typ := range set.Types {
		var first []int8
		exact, faithful, min := true, true, false
		switch typ.Name {
		// -1.5, -0.5, 0.5, 1.5: the largest by 127 would put the others a third of a step off
		case "halves2":
			first, exact = []int8{-126, -42, 42, 126}, false
		case "midrise7", "midrise7_least", "quarter6":
			first, min = []int8{0, 1, 2, 3}, true
		case "midrise8":
			first, min = []int8{0, 1, 2, 3}, true
		case "off_table":
			first, min = []int8{-127, -104, -83, -65}, true
		case "squares6":
			exact, faithful = false, false
		default:
			continue
		}
		seen++
		a := split(typ)
		levels, _, is := a.int8Levels()
		if is != exact || a.faithful() != faithful || (a.Min != nil) != min || first != nil && !slices.Equal(levels[:4], first) {
			t.Errorf("%s: levels %v, exact %t, faithful %t, something added %t", typ.Name, levels[:4], is, a.faithful(), a.Min != nil)
		}
		if group := ActGroup(typ); (group > 0) != faithful {
			t.Errorf("%s: int8 products with %d values to a scale", typ.Name, group)
		}
	}
	if seen != 7 {
		t.Errorf("%d of 7 types were found", seen)
	}
}
