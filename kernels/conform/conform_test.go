package conform_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/abi"
	"github.com/kvgen/kvgen/kernels/conform"
	"github.com/kvgen/kvgen/kernels/ref"
)

// TestPlanted plants one fault in each kind of kernel. The check of that kind names it, the quick
// one too, and the checks of the others find nothing.
func TestPlanted(t *testing.T) {
	typ := kernels.Default().ByName("q8_0")
	byHand, ok := ref.ByName("q8_0")
	if !ok {
		t.Fatal("there is no oracle of q8_0")
	}
	s := &conform.Subject{Type: typ, Oracles: []conform.Oracle{{Name: "format by hand", Format: byHand}}, Round: kernels.Default().QuantiseAct}
	right := typ.Impls[len(typ.Impls)-1]
	right.MixQ8 = right.Mix // portable Go has none of its own
	for _, planted := range abi.Kinds {
		for _, whole := range []bool{false, true} {
			wrong := plant(planted.Field, right)
			for _, k := range abi.Kinds {
				if whole && k.Field != planted.Field {
					continue // the tests of kernels run those
				}
				err := s.Check(&wrong, k, whole)
				var w *conform.Wrong
				switch {
				case k.Field != planted.Field && err != nil:
					t.Errorf("a fault of %s is found in %s: %v", planted.Name, k.Name, err)
				case k.Field == planted.Field && (!errors.As(err, &w) || w.Expected == w.Got):
					t.Errorf("%s, whole %t: the planted fault is not found: %v", k.Name, whole, err)
				}
			}
		}
	}
}

// plant is right but for the last output of the kernel of a field.
func plant(field string, right kernels.Impl) kernels.Impl {
	k := right
	late := func(y []float32) {
		if len(y) > 0 {
			y[len(y)-1] += .5
		}
	}
	switch field {
	case "Encode":
		k.Encode = func(dst []byte, src []float32) {
			right.Encode(dst, src)
			if len(dst) > 0 {
				dst[len(dst)-1] ^= 1
			}
		}
	case "Decode":
		k.Decode = func(dst []float32, src []byte) { right.Decode(dst, src); late(dst) }
	case "Matmul":
		k.Matmul = func(y []float32, ldy int, x []float32, ldx, m int, w []byte, stride, rows, n int, ws *kernels.Workspace) {
			right.Matmul(y, ldy, x, ldx, m, w, stride, rows, n, ws)
			late(y)
		}
	case "MatmulQ8":
		k.MatmulQ8 = func(y []float32, ldy int, x *kernels.Act, m int, w []byte, stride, rows, n int, ws *kernels.Workspace) {
			right.MatmulQ8(y, ldy, x, m, w, stride, rows, n, ws)
			late(y)
		}
	default:
		mix := func(o []float32, ldo int, p []float32, ldp, m int, v []byte, stride, rows, n int, ws *kernels.Workspace) {
			right.Mix(o, ldo, p, ldp, m, v, stride, rows, n, ws)
			late(o)
		}
		if field == "Mix" {
			k.Mix = mix
		} else {
			k.MixQ8 = mix
		}
	}
	return k
}

// TestTransform plants faults in a transform and in the rounding of activations.
func TestTransform(t *testing.T) {
	portable := kernels.Default().TransformByName("hadamard32").Impls
	right := portable[len(portable)-1]
	if err := conform.Transform(32, &right, &right); err != nil {
		t.Error(err)
	}
	wrong := right
	wrong.Inverse = func(x []float32) { right.Inverse(x); x[len(x)-1]++ }
	if err := conform.Transform(32, &wrong, &right); err == nil || !strings.Contains(err.Error(), "inverse, 1 runs, noise: value 31: ") {
		t.Errorf("an inverse that is wrong in its last value: %v", err)
	}
	round := kernels.Default().QuantiseAct
	off := func(a *kernels.Act, x []float32, ldx, m int) { round(a, x, ldx, m); a.Q[5]++ }
	if err := conform.Rounding(off, round); err == nil || !strings.Contains(err.Error(), "quant 5") {
		t.Errorf("a rounding that is wrong in quant 5: %v", err)
	}
}
