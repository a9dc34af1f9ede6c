package generate

import "testing"

func TestStretch(t *testing.T) {
	seq := func(lo, hi int32) (s []int32) {
		for i := lo; i < hi; i++ {
			s = append(s, i)
		}
		return s
	}
	for _, c := range []struct {
		cached, tokens []int32
		want           int
	}{
		{seq(0, 50), seq(20, 60), 20},
		{seq(0, 50), seq(20, 50), 0}, // one token at least must be run
		{seq(0, 50), seq(60, 90), 0},
		{seq(0, 20), seq(10, 60), 0}, // not worth it
		{nil, seq(0, 5), 0},
	} {
		if got := stretch(c.cached, c.tokens); got != c.want {
			t.Errorf("%v before %v: %d, want %d", c.cached, c.tokens, got, c.want)
		}
	}
}
