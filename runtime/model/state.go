package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Shift drops the positions keep..keep+discard-1 and moves those after them down, turning their keys to their new
// positions. It is exact but for one more rounding of the keys' type.
func (c *Context) Shift(keep, discard int) error {
	m := c.Model
	for i, a := range m.attends {
		if a.rope == nil {
			return fmt.Errorf("a %s model has no RoPE in layer %d: its positions cannot be moved", m.Arch, m.kv[i].Index)
		}
	}
	cos, sin := make([]float32, m.scratch.k), make([]float32, m.scratch.k)
	return c.Cache.Shift(keep, discard, func(layer int, x []float32, delta int) {
		r := m.attends[layer].rope
		half := len(r.freq)
		r.table(cos, sin, []int32{int32(delta)}, 1)
		r.apply(x, cos[:half], sin[:half])
	})
}

// Save writes the cache.
func (c *Context) Save(w io.Writer) error {
	owner, err := c.Model.Fingerprint()
	if err != nil {
		return err
	}
	return c.Cache.Save(w, owner)
}

// Restore reads a cache that Save wrote for the same model and plan; any other is refused by name. The context is empty
// after an error.
func (c *Context) Restore(r io.Reader) error {
	owner, err := c.Model.Fingerprint()
	if err != nil {
		return err
	}
	return c.Cache.Restore(r, owner)
}

// Fingerprint tells models apart: a hash of the tensors' names, shapes and types and of the first and last bytes of
// each, so that it costs milliseconds and not a pass over the file.
func (m *Model) Fingerprint() (string, error) {
	const sample = 2048
	h := sha256.New()
	err := m.File.Guard(func() error {
		for i := range m.File.Tensors() {
			t := &m.File.Tensors()[i]
			fmt.Fprintln(h, t.Name, t.Dims, t.Type)
			if t.Size == 0 {
				continue // of a type that nothing here reads
			}
			data, err := m.File.Data(t)
			if err != nil {
				return err
			}
			h.Write(data[:min(sample, len(data))])
			h.Write(data[max(0, len(data)-sample):])
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
