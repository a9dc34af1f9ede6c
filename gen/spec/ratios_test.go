package spec

import "testing"

// TestProductOrder: of what is known of a product, facts in few units stand first, since the last
// ones are forgotten.
func TestProductOrder(t *testing.T) {
	fact := func(powers ...int8) ratio {
		r := interval(unit{}, 1, 2)
		copy(r.unit[:], powers)
		return r
	}
	all := product(ratios{fact(1), fact(0, 2), fact()}, ratios{fact(1), fact(-2), fact(0, 1)})
	if len(all) != 9 {
		t.Fatalf("%d facts", len(all))
	}
	for i, r := range all {
		n := 0
		for _, p := range r.unit {
			n += max(int(p), -int(p))
		}
		if powers(r.unit) != n || i > 0 && powers(all[i-1].unit) > n {
			t.Errorf("fact %d has %d powers: %v", i, n, r.unit)
		}
	}
}
