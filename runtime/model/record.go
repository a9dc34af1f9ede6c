package model

import (
	"cmp"
	"slices"

	"github.com/kvgen/kvgen/runtime/cpu/engine"
)

// Matrices is the weights of one type and what multiplies them, for records of what a run did.
type Matrices struct {
	Type  string
	ISA   string // of the kernel
	Count int
	Bytes int64
	// how many of them the fast form multiplies by int8 activations; the rest stay in f32
	Int8        int
	Transformed int // for how many the input is first transformed into the type's domain
}

// Other is a layer without rows of its own in the cache: a recurrent one, or one that reads the
// rows of another layer.
type Other struct {
	Layer int `json:"layer"`
	State int `json:"state_bytes"` // of a recurrent layer, 0 for others
	Reads int `json:"reads_layer"` // whose rows it reads, -1 for none
}

// Others lists the layers that no KV layer stands for.
func (m *Model) Others() []Other { return m.others }

// Matrices lists the weight matrices by type, those with most bytes first. A tied embedding counts
// once.
func (m *Model) Matrices() []Matrices {
	var list []Matrices
	for _, g := range m.program.Products {
		for _, w := range g.Parts {
			kernel := engine.KernelOf(w)
			k := slices.IndexFunc(list, func(x Matrices) bool { return x.Type == w.Type.Name })
			if k < 0 {
				k = len(list)
				list = append(list, Matrices{Type: w.Type.Name, ISA: kernel.ISA})
			}
			list[k].Count++
			list[k].Bytes += int64(w.Rows * w.Type.RowBytes(w.N))
			if kernel.Int8 {
				list[k].Int8++
			}
			if kernel.Transformed {
				list[k].Transformed++
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Matrices) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list
}

// QueryHeads is the number of query heads of each KV layer.
func (m *Model) QueryHeads() []int {
	var all []int
	for _, a := range m.program.Attention {
		all = append(all, a.Heads)
	}
	return all
}
