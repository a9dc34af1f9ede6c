package model

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// Open maps and loads the model at path. Close unmaps it.
func Open(path string) (*Model, error) {
	f, err := gguf.Open(path, TypeSize)
	if err != nil {
		return nil, err
	}
	m, err := Load(f, kernels.ByID)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse loads a model that is in memory, such as an embedded one.
func Parse(data []byte) (*Model, error) {
	f, err := gguf.Parse(data, TypeSize)
	if err != nil {
		return nil, err
	}
	return Load(f, kernels.ByID)
}

// Close closes the model's file. No context may run it afterwards.
func (m *Model) Close() error { return m.File.Close() }

// TypeSize gives the GGUF reader the block sizes of the dispatch table.
func TypeSize(id uint32) (block, bytes int, ok bool) {
	t := kernels.ByID(int(id))
	if t == nil {
		return 0, 0, false
	}
	return t.Block, t.Bytes, true
}
