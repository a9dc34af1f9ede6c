package conform

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/kernels/ref"
)

// Oracle is what the kernels of a type are compared with.
type Oracle struct {
	Name string // as messages call it: "interpreter", "format by hand"
	ref.Format
}

// Subject is a type and what its kernels are held to.
type Subject struct {
	Type    *kernels.Type
	Oracles []Oracle // at least one; the first can encode if the type can, and makes inputs
	// the levels are no integers, so that kernels on int8 round them by up to half a step, 1/128 of
	// the largest
	Rounded bool
	// what rounds activations for MatmulQ8, as Table.QuantiseAct
	Round func(a *kernels.Act, x []float32, ldx, m int)
}

// Check runs a kernel of a type that impl has: whole is every shape and input, otherwise a few of
// each, in about a tenth of the time. The error is a *Wrong where a value is, and otherwise says
// why the check could not be made.
func (s *Subject) Check(impl *kernels.Impl, k abi.Kind, whole bool) error {
	switch k.Field {
	case "Encode":
		return s.encode(impl, whole)
	case "Decode":
		return s.decode(impl, whole)
	case "Matmul":
		return s.products(products(s.Type.Block, whole), func(p Product, w Weights, ws *kernels.Workspace) error {
			return s.Matmul(impl, p, w, Noise(p.M*p.N, 21, 1), ws)
		})
	case "MatmulQ8":
		return s.products(products(Q8Unit(s.Type), whole), func(p Product, w Weights, ws *kernels.Workspace) error {
			return s.MatmulQ8(impl, p, w, Noise(p.M*p.N, 22, 1), ws)
		})
	case "Mix":
		b := s.Type.Block
		shapes := append(products(b, whole), Product{1, 65, b, 0}, Product{3, 129, b, 1}, Product{4, 64, b, 0})
		return s.products(shapes, func(p Product, w Weights, ws *kernels.Workspace) error {
			return s.Mix(impl, p, w, Noise(p.M*p.Rows, 31, .5), ws)
		})
	case "MixQ8":
		b := s.Type.Block
		shapes := append(products(b, whole), Product{7, 64, 2 * b, 1}, Product{3, 65, b, 0}, Product{4, 200, b, 2})
		return s.products(shapes, func(p Product, w Weights, ws *kernels.Workspace) error {
			return s.MixQ8(impl, p, w, Noise(p.M*p.Rows, 31, .5), ws)
		})
	}
	return fmt.Errorf("no check of kernels of the kind %s", k.Name)
}

// products runs a check for every shape, all in one workspace, as callers do.
func (s *Subject) products(shapes []Product, check func(Product, Weights, *kernels.Workspace) error) error {
	var ws kernels.Workspace
	for _, p := range shapes {
		w, err := s.Weights(p)
		if err == nil {
			err = check(p, w, &ws)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
