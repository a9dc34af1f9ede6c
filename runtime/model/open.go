package model

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
)

// Open maps and loads the model at path, to be run by the kernels of a table: kernels.Default() has
// all types and the best instruction set of the CPU. Close unmaps it.
func Open(path string, table *kernels.Table) (*Model, error) {
	f, err := gguf.Open(path, TypeSize(table))
	if err != nil {
		return nil, err
	}
	m, err := Load(f, table)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse loads a model that is in memory, such as an embedded one.
func Parse(data []byte, table *kernels.Table) (*Model, error) {
	f, err := gguf.Parse(data, TypeSize(table))
	if err != nil {
		return nil, err
	}
	return Load(f, table)
}

// Close closes the model's file. No context may run it afterwards.
func (m *Model) Close() error { return m.File.Close() }

// TypeSize gives the GGUF reader the block sizes of a table.
func TypeSize(table *kernels.Table) func(id uint32) (block, bytes int, ok bool) {
	return func(id uint32) (block, bytes int, ok bool) {
		t := table.ByID(int(id))
		if t == nil {
			return 0, 0, false
		}
		return t.Block, t.Bytes, true
	}
}
