package model

import (
	"fmt"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Model is a loaded model. It is immutable; any number of contexts may run it.
type Model struct {
	File    *gguf.File
	Arch    string
	Layers  int
	Width   int // values of the residual stream
	Vocab   int // rows of the embedding
	Context int // positions it was trained for

	blocks    []block
	embedding *weight
	positions *weight // a vector per position, nil for none
	output    *group  // the embedding again when tied
	norm      *norm
	inputs    *inputs // nil for none
	scale     float32
	cap       float32
	turns     []*turns
	attends   []*attend // by KV layer
	groups    []*group  // all matrices
	kv        []kv.Layer
	states    []stateSize // of recurrent layers
	others    []Other
	read      []int // KV layers that later layers read
	scratch   sizes
	unused    Unused

	looked  sync.Once // for numbers that are none, before a device runs it
	lookErr error

	keys       map[string]string // of the header, as they were read
	identified identified
}

// Load binds an open file to its architecture. The file stays the caller's to close, after the model's last use.
func Load(f *gguf.File, types Types) (*Model, error) {
	h, err := newHeader(f)
	if err != nil {
		return nil, err
	}
	g, err := graphOf(h)
	if err != nil {
		return nil, err
	}
	b := &binder{f: f, types: types, width: g.Width, layer: -1, ropes: map[*Rope]*turns{}, kvOf: map[int]int{}, used: map[string]bool{}}
	b.scratch.width = g.Width
	m := &Model{File: f, Arch: h.arch, Layers: h.Layers, Width: g.Width, Context: h.Context, scale: max(g.Scale, 0), cap: g.Cap}
	if m.scale == 0 {
		m.scale = 1
	}
	if t, ok := f.Tensor("token_embd.weight"); ok && len(t.Dims) == 2 && t.Dims[1] <= maxSize {
		m.Vocab = int(t.Dims[1])
	}
	m.embedding = b.find("token_embd.weight", g.Width, max(1, m.Vocab))
	if g.Positions != "" {
		m.positions = b.find(b.name(string(g.Positions), "weight"), g.Width, h.Context)
	}
	m.norm = b.norm(g.Norm, g.Width)
	out := m.embedding
	if b.has("output.weight") {
		out = b.linear("output", g.Width, m.Vocab)
	}
	m.output = b.together(out)
	if g.Inputs != nil {
		m.inputs = g.Inputs.bind(b, m.Vocab, h.Layers)
	}
	for i, blocks := range g.Layers {
		b.layer = i
		for _, k := range blocks {
			m.blocks = append(m.blocks, b.block(k))
		}
	}
	if err := b.err(); err != nil {
		return nil, fmt.Errorf("%s model: %w", h.arch, err)
	}
	m.groups, m.keys, m.unused = b.groups, h.read, b.unused(h)
	m.others = b.others
	m.read = slices.Compact(slices.Sorted(slices.Values(b.read)))
	m.turns, m.attends, m.kv, m.states, m.scratch = b.turns, b.attends, b.kv, b.states, b.scratch
	return m, nil
}

// KVLayers is what the model's cache must hold, by KV layer.
func (m *Model) KVLayers() []kv.Layer { return m.kv }
