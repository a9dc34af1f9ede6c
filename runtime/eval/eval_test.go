package eval

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/model"
)

func tiny(t *testing.T) *model.Model {
	t.Helper()
	m, err := model.Open("../../testdata/arch/llama_hd64/model.gguf", kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func open(t *testing.T, batch int) *model.Context {
	t.Helper()
	m := tiny(t)
	c, err := m.NewContext(model.Options{Plan: plan(t, m, "f32", "f32"), Size: 16, Batch: batch, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// text is 70 tokens, so 4 chunks of 16.
func text() Text {
	t := Text{BOS: 1, AddBOS: true}
	for i := range int32(70) {
		t.Tokens = append(t.Tokens, 10+i*37%250)
	}
	return t
}

// TestMeasure computes the same by hand: every chunk from scratch, every token by itself.
func TestMeasure(t *testing.T) {
	c, x := open(t, 5), text()
	var sum, squares, n float64
	for chunk := range 3 {
		tokens := append([]int32(nil), x.Tokens[chunk*16:][:16]...)
		tokens[0] = x.BOS
		c.Clear()
		for p, tok := range tokens[:15] {
			logits, err := c.Decode(tok)
			if err != nil {
				t.Fatal(err)
			}
			if p < 8 {
				continue
			}
			total := 0.0
			for _, l := range logits {
				total += math.Exp(float64(l))
			}
			nll := math.Log(total) - float64(logits[tokens[p+1]])
			sum, squares, n = sum+nll, squares+nll*nll, n+1
		}
	}
	mean := sum / n
	for _, decode := range []bool{false, true} {
		var seen []int
		p, err := Measure(context.Background(), c, x, Options{Context: 16, Chunks: 3, Decode: decode},
			func(p Perplexity) { seen = append(seen, p.Count) })
		if err != nil {
			t.Fatal(err)
		}
		if p.Chunks != 3 || p.Count != 21 || len(seen) != 3 || seen[0] != 7 {
			t.Errorf("%d chunks, %d tokens, progress %v", p.Chunks, p.Count, seen)
		}
		if math.Abs(p.NLL()-mean) > 1e-5 || math.Abs(p.PPL()-math.Exp(mean)) > 1e-3*math.Exp(mean) {
			t.Errorf("NLL %v, PPL %v; want %v, %v", p.NLL(), p.PPL(), mean, math.Exp(mean))
		}
		if want := math.Exp(mean) * math.Sqrt((squares/n-mean*mean)/(n-1)); math.Abs(p.Error()-want) > 1e-3*want {
			t.Errorf("error %v, want %v", p.Error(), want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	c := open(t, 8)
	for name, o := range map[string]Options{"text too short": {Context: 36}, "chunk too short": {Context: 3}, "cache too small": {Context: 20}} {
		if _, err := Measure(context.Background(), c, text(), o, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Measure(done, c, text(), Options{Context: 16}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run gave %v", err)
	}
	want := errors.New("enough")
	if err := Run(context.Background(), c, text(), Options{Context: 16}, func(Scored) error { return want }); err != want {
		t.Errorf("got %v", err)
	}
}

func TestLogProb(t *testing.T) {
	if got, want := LogProb([]float32{1000, 1000 + float32(math.Log(3))}, 0), math.Log(.25); math.Abs(got-want) > 1e-4 {
		t.Errorf("got %v, want %v", got, want)
	}
}
