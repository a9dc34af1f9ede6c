package model

import (
	"math"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// Temperature scales the queries at position p by 1 + Scale ln(1 + floor(p/Every)), so that scores
// keep their contrast over contexts longer than Every positions.
type Temperature struct {
	Scale float32 // 0 for none
	Every int
}

// apply scales a query, of all heads, at position p.
func (t *Temperature) apply(v cpu.Vec, q []float32, p int32) {
	if spans := int(p) / t.Every; t.Scale != 0 && spans > 0 {
		v.Scale(q, 1+t.Scale*float32(math.Log(float64(1+spans))))
	}
}
