package model

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// arrangements are ways to share a model out over stages of the processor: at every layer where one
// may begin, and, where that works, a stage for each layer and the output.
func arrangements(m *Model) (all [][]Placement) {
	single := []Placement{{Layers: 1}}
	for at := 1; at <= m.Layers; at++ {
		if m.program.Cut(at) == nil {
			all = append(all, []Placement{{Layers: at}, {Layers: m.Layers + 1 - at}})
			single = append(single, Placement{Layers: 1})
		}
	}
	if len(single) == m.Layers+1 {
		all = append(all, single)
	}
	return all
}

// TestStages holds every case, shared out in every way, to the bits of one stage: in batches, token
// by token, and with rows that are kept exact.
func TestStages(t *testing.T) {
	ways := 0
	for _, name := range caseNames(t) {
		c := readCase(t, name)
		tokens := c.Tokens[:min(40, len(c.Tokens))]
		typ := "q8_0"
		if _, err := kv.NewPlan(c.model.KVLayers(), kv.Policy{K: choice(typ), V: choice(typ)}); err != nil {
			typ = "f16" // heads of 80 values, say
		}
		for _, ends := range []kv.Ends{{}, {First: 2, Last: 9}} {
			one := c.extras(t, typ, typ, nil, ends, Options{Threads: 1, Batch: 16, Math: Fast})
			want, wantEach := prefill(t, one, tokens, 0), decode(t, one, tokens[:12], 0)
			for _, places := range arrangements(c.model) {
				x := c.extras(t, typ, typ, nil, ends, Options{Threads: 1, Batch: 16, Math: Fast, Placements: places})
				if m, _ := differ(prefill(t, x, tokens, 0), want); m != 0 {
					t.Errorf("%s over %v: a prompt's logits differ by %.2g", name, places, m)
				}
				if m, _ := differ(decode(t, x, tokens[:12], 0), wantEach); m != 0 {
					t.Errorf("%s over %v: a token's logits differ by %.2g", name, places, m)
				}
				ways++
			}
		}
	}
	if ways < 2*len(caseNames(t)) {
		t.Errorf("only %d ways to share models out", ways)
	}
}

// TestStagesTalk does what conversations do in stages and in one, with the same bits: sequences
// share a prompt, go on together, one is shifted, all is saved in one arrangement and restored in
// the other.
func TestStagesTalk(t *testing.T) {
	for _, name := range []string{"llama_hd64", "gemma3", "gemma4_e2b", "qwen35moe", "mixtral"} {
		c := readCase(t, name)
		places := arrangements(c.model)
		o := Options{Threads: 1, Batch: 16, Sequences: 3, Cells: 300}
		ends := kv.Ends{First: 2, Last: 9}
		one := c.extras(t, "q8_0", "q4_0", nil, ends, o)
		o.Placements = places[len(places)/2]
		two := c.extras(t, "q8_0", "q4_0", nil, ends, o)
		talk := func(x *Context) (rows [][]float32) {
			visit := func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil }
			run := func(n, lo int, seqs ...int) {
				var all []Token
				for i := range n {
					for _, s := range seqs {
						all = append(all, Token{Seq: s, ID: c.Tokens[(lo+i+5*s)%len(c.Tokens)]})
					}
				}
				if err := x.EvalBatch(all, visit); err != nil {
					t.Fatal(name, err)
				}
			}
			run(20, 0, 1)
			if err := x.CopySeq(1, 2); err != nil {
				t.Fatal(name, err)
			}
			run(5, 20, 0, 1, 2)
			if err := x.ShiftSeq(1, 2, 6); err != nil {
				t.Fatal(name, err)
			}
			run(1, 30, 0, 1, 2)
			return rows
		}
		want := talk(one)
		if m, _ := differ(talk(two), want); m != 0 {
			t.Errorf("%s: logits differ by %.2g", name, m)
		}
		var a, b bytes.Buffer
		for x, to := range map[*Context]*bytes.Buffer{one: &a, two: &b} {
			if err := x.Save(to); err != nil {
				t.Fatal(name, err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: the saved caches differ", name)
		}
		if err := two.Restore(&a); err != nil {
			t.Fatal(name, err)
		}
		p, err := one.Decode(c.Tokens[3])
		if err != nil {
			t.Fatal(name, err)
		}
		if q, err := two.Decode(c.Tokens[3]); err != nil || !slices.Equal(p, q) {
			t.Errorf("%s: after it was restored: %v, logits differ by %.2g", name, err, farthestOf(p, q))
		}
	}
}

func farthestOf(a, b []float32) float64 {
	m, _ := differ([][]float32{a}, [][]float32{b})
	return m
}

// TestPlacementsAreRefused: what cannot be shared out as asked says so by name.
func TestPlacementsAreRefused(t *testing.T) {
	c := readCase(t, "gemma4_e2b")
	n, at := c.model.Layers, 0
	for layer := 1; layer <= n; layer++ {
		if c.model.program.Cut(layer) != nil {
			at = layer
		}
	}
	if at == 0 {
		t.Fatal("no layer of this model reads the cache of another")
	}
	for want, places := range map[string][]Placement{
		fmt.Sprintf("a device's layers cannot begin with layer %d", at): {{Layers: at}, {Layers: n + 1 - at}},
		fmt.Sprintf("%d layers and the output: they are of %d", n, n):   {{Layers: n}},
		"number 1 begins with layer 1 and is of 0":                      {{Layers: 1}, {Layers: 0}, {Layers: n}},
		fmt.Sprintf("number 0 begins with layer 0 and is of %d", n+2):   {{Layers: n + 2}},
	} {
		_, err := c.context(t, "f16", "f16", Options{Placements: places})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", places, err, want)
		}
	}
}

// TestStagesStop ends a batch between two stages, after which the sequence is as it was.
func TestStagesStop(t *testing.T) {
	c := readCase(t, "llama_hd64")
	x := c.extras(t, "q8_0", "q8_0", nil, kv.Ends{}, Options{Threads: 1, Batch: 10, Placements: []Placement{{Layers: 1}, {Layers: c.model.Layers}}})
	want := prefill(t, x, c.Tokens[:30], 20)
	if err := x.Truncate(20); err != nil {
		t.Fatal(err)
	}
	asked, stopped := 0, fmt.Errorf("stopped")
	x.Stop = func() error {
		if asked++; asked > 4 { // in the second stage
			return stopped
		}
		return nil
	}
	if err := x.Eval(c.Tokens[20:30], 10, nil); err != stopped || x.Len() != 20 {
		t.Fatalf("%v, %d positions are left", err, x.Len())
	}
	x.Stop = nil
	var rows [][]float32
	err := x.Eval(c.Tokens[20:30], 0, func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := differ(rows, want[:10]); m != 0 {
		t.Errorf("after a stop logits differ by %.2g", m)
	}
}
