package portable

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// sequence is f(0), f(1), ... f(n-1).
func sequence(n int, f func(i int) int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = f(i)
	}
	return s
}

// TestFit recovers the arithmetic that spec authors write.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		n    int
		f    func(i int) int
		want string
	}{
		{32, func(i int) int { return 7 }, "7"},
		{32, func(i int) int { return i }, "i"},
		{80, func(i int) int { return 16 + 3*i }, "16 + 3*i"},
		{32, func(i int) int { return 8*(i%16) + 4*(i/16) }, "8*(i%16) + 4*(i/16)"},
		{256, func(i int) int { return i%32 + 32*(i/64) }, "i%32 + 32*(i/64)"},
		{256, func(i int) int { return i / 32 % 2 * 4 }, "4 * (i / 32 % 2)"},
		{48, func(i int) int { return i / 8 }, "i / 8"},
		{8, func(i int) int { return 5 - i%2 }, "5 - i%2"},
	} {
		a, ok := fit(sequence(c.n, c.f))
		if got := fmt.Sprintf("%#v", a.code("i", 0)); !ok || got != c.want {
			t.Errorf("%q (fits: %t), want %q", got, ok, c.want)
		}
	}
	for name, s := range map[string][]int{
		"no order":        {0, 7, 14, 5, 12, 3, 10, 1},
		"too many digits": sequence(256, func(i int) int { return i%2*1 + i/2%2*5 + i/4%2*11 + i/8%2*31 }),
	} {
		if a, ok := fit(s); ok {
			t.Errorf("%s: found %+v", name, a)
		}
	}
}

// TestFitOffset renders arithmetic for a loop that starts at lo.
func TestFitOffset(t *testing.T) {
	a, _ := fit(sequence(4, func(k int) int { return 20 + k }))
	if got := fmt.Sprintf("%#v", a.code("g", 4)); got != "16 + g" {
		t.Errorf("%q", got)
	}
	a, _ = fit(sequence(4, func(k int) int { return k % 2 }))
	if got := fmt.Sprintf("%#v", a.code("g", 5)); got != "(g - 5) % 2" {
		t.Errorf("%q", got)
	}
}

// TestFitValue evaluates what fit finds for random digits: a wrong formula would be a wrong kernel.
func TestFitValue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		want := make([]int, []int{16, 32, 48, 80, 128}[r.IntN(5)])
		unit := 1
		for range 1 + r.IntN(3) {
			size, step := 2<<r.IntN(3), r.IntN(40)-8
			for i := range want {
				want[i] += step * (i / unit % size)
			}
			unit *= size
		}
		a, ok := fit(want)
		if !ok {
			continue
		}
		for i, w := range want {
			got := a.Base
			for _, d := range a.Digits {
				got += d.Step * (i / d.Unit % d.Size)
			}
			if got != w {
				t.Fatalf("%+v gives %d for i = %d, want %d", a, got, i, w)
			}
		}
	}
}
