package model

import (
	"fmt"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/program"
)

// Model is a loaded model. It is immutable; any number of contexts may run it.
type Model struct {
	Table   *kernels.Table // of its types and kernels; what its cache and contexts use is of it too
	File    *gguf.File
	Arch    string
	Layers  int
	Width   int // values of the residual stream
	Vocab   int // rows of the embedding
	Context int // positions it was trained for

	program *program.Program
	others  []Other
	read    []int // KV layers that later layers read
	unused  Unused
	adapted bool // some matrices have others of low rank added

	looked  sync.Once // for numbers that are none, before a device runs it
	lookErr error

	keys       map[string]string // of the header, as they were read
	identified identified
}

// Load binds an open file to its architecture. The file stays the caller's to close, after the
// model's last use. The kernels that run the model are those of the table.
func Load(f *gguf.File, table *kernels.Table) (*Model, error) { return load(f, table, table.ByID) }

// LoadAdapted is Load with adapters, which are added to the products of their matrices.
func LoadAdapted(f *gguf.File, table *kernels.Table, adapters ...*Adapter) (*Model, error) {
	return load(f, table, table.ByID, adapters...)
}

func load(f *gguf.File, table *kernels.Table, types types, adapters ...*Adapter) (*Model, error) {
	h, err := newHeader(f)
	if err != nil {
		return nil, err
	}
	g, err := graphOf(h)
	if err != nil {
		return nil, err
	}
	p := &program.Program{Width: g.Width, Layers: h.Layers, Scale: max(g.Scale, 0), Cap: g.Cap}
	if p.Scale == 0 {
		p.Scale = 1
	}
	if t, ok := f.Tensor("token_embd.weight"); ok && len(t.Dims) == 2 && t.Dims[1] <= maxSize {
		p.Vocab = int(t.Dims[1])
	}
	b := &binder{f: f, kernels: table, types: types, width: g.Width, layer: -1, program: p, ropes: map[*Rope]int{}, kvOf: map[int]int{}, used: map[string]bool{}, adapters: adapters}
	p.Embedding = b.find("token_embd.weight", g.Width, max(1, p.Vocab))
	if g.Positions != "" {
		p.Positions = b.find(b.name(string(g.Positions), "weight"), g.Width, h.Context)
	}
	p.Norm = b.norm(g.Norm, g.Width)
	out := p.Embedding
	if b.has("output.weight") {
		out = b.linear("output", g.Width, p.Vocab)
	}
	p.Output = b.fuse(out)
	if g.Inputs != nil {
		p.Inputs = g.Inputs.bind(b, p.Vocab, h.Layers)
	}
	for i, blocks := range g.Layers {
		b.layer = i
		for _, k := range blocks {
			p.Steps = append(p.Steps, b.step(k))
		}
	}
	if err := b.err(); err != nil {
		return nil, fmt.Errorf("%s model: %w", h.arch, err)
	}
	for _, a := range adapters {
		if err := a.applied(h); err != nil {
			return nil, err
		}
	}
	return &Model{File: f, Table: table, Arch: h.arch, Layers: h.Layers, Width: g.Width, Vocab: p.Vocab, Context: h.Context, program: p, others: b.others,
		read: slices.Compact(slices.Sorted(slices.Values(b.read))), keys: h.read, unused: b.unused(h), adapted: len(adapters) > 0}, nil
}

// KVLayers is what the model's cache must hold, by KV layer.
func (m *Model) KVLayers() []kv.Layer { return m.program.KV }

// Program is the model as engines run it.
func (m *Model) Program() *program.Program { return m.program }
