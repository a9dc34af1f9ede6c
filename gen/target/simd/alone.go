package simd

import (
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
)

// Alone is the assembly of one function: its constants, then its text. An operation that the
// machine lacks is an error that names both.
func (m *Machine) Alone(isa *ISA, fn *ir.Func) (string, error) {
	return m.alone(isa, fn, fn.Name)
}

// alone is Alone with a name for what the names of constants begin with.
func (m *Machine) alone(isa *ISA, fn *ir.Func, prefix string) (string, error) {
	if m.Width < ir.VectorBytes {
		fn = ir.Halve(fn)
	}
	p := newPool(strings.ToLower(prefix))
	a, err := assemble(m, isa, fn, p)
	if err != nil {
		return "", err
	}
	a.Requires = m.Features(a.Text(m.Syntax))
	return p.text() + a.Text(m.Syntax), nil
}
