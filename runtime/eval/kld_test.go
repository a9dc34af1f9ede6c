package eval

import (
	"context"
	"math"
	"testing"
)

func TestKLD(t *testing.T) {
	ln := func(p ...float64) (l []float32) {
		for _, v := range p {
			l = append(l, float32(math.Log(v)))
		}
		return l
	}
	p, q := ln(.5, .25, .25), ln(.25, .5, .25)
	want := .5*math.Log(2) - .25*math.Log(2)
	for _, shift := range []float32{0, 50, -3} { // adding a constant to logits changes nothing
		moved := make([]float32, len(q))
		for i := range q {
			moved[i] = q[i] + shift
		}
		if got := KLD(p, moved); math.Abs(got-want) > 1e-5 {
			t.Errorf("shift %v: %v, want %v", shift, got, want)
		}
	}
	if got := KLD(p, p); got != 0 {
		t.Errorf("of a row and itself: %v", got)
	}
}

// TestCompare has two controls: the reference itself, whatever the batches, scores exactly 0 and the same tokens; a
// candidate whose tokens are read at other positions does not.
func TestCompare(t *testing.T) {
	c, x, o := open(t, 16), text(), Options{Context: 16, Chunks: 3}
	ref, err := NewReference(context.Background(), c, x, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ref.Compare(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if d.Mean != 0 || d.Max != 0 || d.SameTop != 1 || d.Count != 21 || d.Chunks != 3 {
		t.Errorf("the reference against itself: %+v", d)
	}
	p, err := Measure(context.Background(), c, x, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.PPL() != p.PPL() {
		t.Errorf("PPL %v, Measure says %v", d.PPL(), p.PPL())
	}
	ref.text.Tokens = ref.text.Tokens[1:]
	if d, err = ref.Compare(context.Background(), c); err != nil || d.Mean < .01 || d.SameTop == 1 {
		t.Errorf("against another text: %+v, %v", d, err)
	}
}
