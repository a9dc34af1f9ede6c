package abi

import (
	"reflect"
	"slices"
	"strings"
)

// Kind is one kernel that a type can have. A new one is a line of Kinds and a field of Impl, which
// says what it computes; tables, drivers, lists and reports follow.
type Kind struct {
	Field string // of Impl, and of what targets report
	Name  string // as kvrun prints it
	// as kvgen list prints it where a type has none; "" for one that is only there where it is
	// quicker
	Words string
	Uses  []Use  // of rows of a type for which it is needed
	Args  string // names of the parameters; their types are those of the field
}

// Use is what rows of a type are.
type Use string

// The uses of rows.
const (
	Weights Use = "weights"
	Keys    Use = "keys"
	Values  Use = "values"
)

// Kinds are the kernels that a type can have, in the order in which they are shown.
var Kinds = []Kind{
	{"Encode", "encode", "encode", []Use{Keys, Values}, "dst src"},
	{"Decode", "decode", "decode", []Use{Weights, Keys, Values}, "dst src"},
	{"Matmul", "matmul", "matmul", []Use{Weights, Keys}, "y ldy x ldx m w stride rows n ws"},
	{"MatmulQ8", "matmul_q8", "matmul on int8", []Use{Weights, Keys}, "y ldy x m w stride rows n ws"},
	{"Mix", "mix", "mix", []Use{Values}, "o ldo p ldp m v stride rows n ws"},
	{"MixQ8", "mix_q8", "", []Use{Values}, "o ldo p ldp m v stride rows n ws"},
}

// KindOf is the kind with the given field.
func KindOf(field string) (Kind, bool) {
	k := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Field == field })
	if k < 0 {
		return Kind{}, false
	}
	return Kinds[k], true
}

// For reports whether rows of a use need the kernel.
func (k Kind) For(u Use) bool { return slices.Contains(k.Uses, u) }

// Param is a parameter of a kernel.
type Param struct {
	Name string
	Type reflect.Type
}

// Params are the parameters of the kernel.
func (k Kind) Params() (all []Param) {
	field, _ := reflect.TypeFor[Impl]().FieldByName(k.Field)
	for i, name := range strings.Fields(k.Args) {
		all = append(all, Param{name, field.Type.In(i)})
	}
	return all
}
