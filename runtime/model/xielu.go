package model

import (
	"fmt"
	"math"

	"github.com/kvgen/kvgen/runtime/program"
)

// xielu reads the activation of each layer. Its keys have no architecture before them.
func (h *Header) xielu() func(layer int) *program.XIELU {
	alphaN, alphaP := h.xieluNumber("alpha_n"), h.xieluNumber("alpha_p")
	beta, eps := h.xieluNumber("beta"), h.xieluNumber("eps")
	softplus := func(x float32) float32 { return float32(math.Log1p(math.Exp(float64(x)))) }
	return func(i int) *program.XIELU {
		return &program.XIELU{P: softplus(alphaP(i)), N: beta(i) + softplus(alphaN(i)), Beta: beta(i), Eps: eps(i)}
	}
}

// xieluNumber is a number of one value or one per layer.
func (h *Header) xieluNumber(name string) func(layer int) float32 {
	key := "xielu." + name
	v, ok, err := h.f.F32s(key)
	switch {
	case err != nil:
		h.fail(err)
	case !ok:
		h.fail(fmt.Errorf("%s is missing", key))
	case len(v) != 1 && len(v) < h.Layers:
		h.fail(fmt.Errorf("%s has %d elements for %d layers", key, len(v), h.Layers))
	default:
		for _, x := range v {
			if x != x || math.Abs(float64(x)) > 1e6 {
				h.fail(fmt.Errorf("%s has %v: it must be a number of moderate size", key, x))
			}
		}
		noted(h, key, v)
		return func(layer int) float32 { return v[min(layer, len(v)-1)] }
	}
	return func(int) float32 { return 1 }
}
