package program

import (
	"fmt"
	"sort"
)

// Range is numbers from Lo to Hi-1.
type Range struct{ Lo, Hi int }

// Len is how many there are.
func (r Range) Len() int { return r.Hi - r.Lo }

// Span is the part of a program that a stage runs: some layers, and what their steps need. The
// embedding comes before the first layer, the output after the last.
type Span struct {
	Layers         Range
	Steps          Range // of Program.Steps
	KV, States     Range // that the steps store
	Embeds, Output bool
	Inputs         bool // a step wants the layers' inputs
}

// Whole is the span of the whole program.
func (p *Program) Whole() Span { return p.Span(0, p.Layers+1) }

// Span is the layers lo..hi-1, of which number Layers is the output.
func (p *Program) Span(lo, hi int) Span {
	step := func(layer int) int {
		return sort.Search(len(p.Steps), func(i int) bool { return p.Steps[i].Layer >= layer })
	}
	kvLayer := func(layer int) int {
		return sort.Search(len(p.KV), func(i int) bool { return p.KV[i].Index >= layer })
	}
	state := func(layer int) int {
		return sort.Search(len(p.States), func(i int) bool { return p.States[i].Layer >= layer })
	}
	s := Span{Layers: Range{lo, min(hi, p.Layers)}, Steps: Range{step(lo), step(hi)}, KV: Range{kvLayer(lo), kvLayer(hi)},
		States: Range{state(lo), state(hi)}, Embeds: lo == 0, Output: hi > p.Layers}
	for _, x := range p.Steps[s.Steps.Lo:s.Steps.Hi] {
		s.Inputs = s.Inputs || wantsInputs(x.Body)
	}
	return s
}

// wantsInputs says whether what a step computes depends on the layers' inputs.
func wantsInputs(body any) bool {
	switch b := body.(type) {
	case *InputGateStep:
		return true
	case *SumStep:
		for i := range b.Steps {
			if wantsInputs(b.Steps[i].Body) {
				return true
			}
		}
	}
	return false
}

// Cut says why no stage can begin with a layer, nil where one can: a layer that reads the cache of
// another must be where that is.
func (p *Program) Cut(layer int) error {
	for i := range p.Steps {
		s := &p.Steps[i]
		if a, ok := s.Body.(*AttentionStep); ok && a.Reads && s.Layer >= layer {
			if owner := p.KV[a.KV].Index; owner < layer {
				return fmt.Errorf("layer %d reads the cache of layer %d, which must be on the same device: a device's layers cannot begin with layer %d",
					s.Layer, owner, layer)
			}
		}
	}
	return nil
}
