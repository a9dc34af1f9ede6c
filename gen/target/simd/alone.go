package simd

import (
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
)

// Alone is the assembly of one function: its constants, then its text. An operation that the machine
// lacks is an error that names both.
func (m *Machine) Alone(isa *ISA, fn *ir.Func) (string, error) {
	p := newPool(strings.ToLower(fn.Name))
	a, err := assemble(m, isa, fn, p)
	if err != nil {
		return "", err
	}
	a.Requires = m.Features(a.Text(m.Syntax))
	return p.text() + a.Text(m.Syntax), nil
}
