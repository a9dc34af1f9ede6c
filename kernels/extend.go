package kernels

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels/cpu"
)

// Extension holds rows for a table that were not there when it was generated. They may refer to
// each other and to rows of the table that they extend.
type Extension struct {
	Types      []*Type
	Transforms []*Transform
	Rotations  []*Rotation
}

// Extend returns the table with the rows of x behind its own. It refuses a name, whatever the case
// of its letters, or the number of a type, that another row has.
func (t *Table) Extend(x Extension) (*Table, error) {
	e := *t
	e.types, e.transforms, e.rotations = slices.Clone(t.types), slices.Clone(t.transforms), slices.Clone(t.rotations)
	for _, n := range x.Types {
		other := find(e.types, func(o *Type) bool {
			return strings.EqualFold(o.Name, n.Name) || o.ID == n.ID && n.ID >= 0
		})
		if other != nil {
			return nil, fmt.Errorf("type %s, number %d: there is %s, number %d", n.Name, n.ID, other.Name, other.ID)
		}
		e.types = append(e.types, n)
	}
	for _, n := range x.Transforms {
		if find(e.transforms, func(o *Transform) bool { return strings.EqualFold(o.Name, n.Name) }) != nil {
			return nil, fmt.Errorf("transform %s: there is one of that name", n.Name)
		}
		e.transforms = append(e.transforms, n)
	}
	for _, n := range x.Rotations {
		if find(e.rotations, func(o *Rotation) bool { return strings.EqualFold(o.Name, n.Name) }) != nil {
			return nil, fmt.Errorf("rotation %s: there is one of that name", n.Name)
		}
		e.rotations = append(e.rotations, n)
	}
	return &e, nil
}

// Plain makes an implementation from an encoder, nil for a type that is only read, and a decoder,
// both as in Impl. Products decode each row and multiply in portable Go.
func Plain(isa string, block, bytes int, encode func(dst []byte, src []float32), decode func(dst []float32, src []byte)) Impl {
	return cpu.Plain(isa, block, bytes, encode, decode)
}
