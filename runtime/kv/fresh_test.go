package kv_test

import (
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// TestFresh cuts caches with exact ends back to where Fresh says: the same rows are exact as in a
// cache that was never longer, then and while it grows again. One position more than that would not
// do.
func TestFresh(t *testing.T) {
	grow := func(c *kv.Cache, to int) {
		for c.Len() < to {
			fillSteps(t, c, min(7, to-c.Len()), nil)
		}
	}
	layout := func(c *kv.Cache) string { return where(t, c, 0, c.Len()) }
	cut := 0
	for _, e := range []kv.Ends{{First: 4, Last: 10}, {Last: 1}, {Last: 3}, {First: 3}, {First: 70, Last: 5}, {First: 5, Last: 60}, {First: 2, Last: 16}} {
		for _, long := range []int{3, 20, 49} {
			for n := 0; n <= long; n += 3 {
				c := endsCache(t, choice("q4_0"), e, 64, 64)
				grow(c, long)
				m := c.Fresh(0, n)
				if m > n || n == long && m != n {
					t.Fatalf("%+v: of %d positions cut to %d, %d are fresh", e, long, n, m)
				}
				for try := m; try <= min(n, m+1); try++ {
					x, fresh := endsCache(t, choice("q4_0"), e, 64, 64), endsCache(t, choice("q4_0"), e, 64, 64)
					grow(x, long)
					grow(fresh, try)
					if x.Truncate(try) != nil { // a window has moved on
						continue
					}
					if same := layout(x) == layout(fresh); same != (try == m) {
						t.Fatalf("%+v: of %d positions cut to %d, %d are fresh:\n%s, at once\n%s", e, long, n, m, layout(x), layout(fresh))
					}
					if try == m && m < n {
						cut++
					}
					for try == m && x.Len() < 64 {
						grow(x, x.Len()+1)
						grow(fresh, fresh.Len()+1)
						if layout(x) != layout(fresh) {
							t.Fatalf("%+v: of %d positions cut to %d, then at %d:\n%s, at once\n%s", e, long, m, x.Len(), layout(x), layout(fresh))
						}
					}
				}
			}
		}
	}
	if cut < 20 {
		t.Errorf("only %d cuts went further back than was asked", cut)
	}
}
