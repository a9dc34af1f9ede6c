package kernels

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/kernels/cpu"
)

// Extension is rows for the table that were not there when it was generated.
type Extension struct {
	Types      []*Type
	Transforms []*Transform
	Rotations  []*Rotation
}

// added is what Extend was called with last.
var added Extension

// Extend makes x part of the table, behind the generated rows and in place of what an earlier call added. It refuses a name, or the
// number of a type, that another row has. Like SelectISA, call it when a program starts, before types are looked up.
func Extend(x Extension) error {
	for i, t := range x.Types {
		other := find(types[:], x.Types[:i], func(o *Type) bool {
			return strings.EqualFold(o.Name, t.Name) || o.ID == t.ID && t.ID >= 0
		})
		if other != nil {
			return fmt.Errorf("type %s, number %d: there is %s, number %d", t.Name, t.ID, other.Name, other.ID)
		}
	}
	for i, t := range x.Transforms {
		if find(transforms[:], x.Transforms[:i], func(o *Transform) bool { return strings.EqualFold(o.Name, t.Name) }) != nil {
			return fmt.Errorf("transform %s: there is one of that name", t.Name)
		}
	}
	for i, r := range x.Rotations {
		if find(rotations[:], x.Rotations[:i], func(o *Rotation) bool { return strings.EqualFold(o.Name, r.Name) }) != nil {
			return fmt.Errorf("rotation %s: there is one of that name", r.Name)
		}
	}
	added = x
	return nil
}

// Plain is an implementation of a type of which there is nothing but an encoder, nil for one that is only read, and a decoder, as
// Impl has them: products decode each row and multiply in portable Go.
func Plain(isa string, block, bytes int, encode func(dst []byte, src []float32), decode func(dst []float32, src []byte)) Impl {
	return cpu.Plain(isa, block, bytes, encode, decode)
}
