package ctext

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestNumber holds the literals of numbers, at every bound between one way of writing and another,
// and that each rounds to its number.
func TestNumber(t *testing.T) {
	for f, want := range map[float32]string{
		0: "0.0f", 1: "1.0f", -1: "-1.0f", .5: "0.5f", 1.0 / 3: "0.33333334f",
		999999: "999999.0f", -999999: "-999999.0f", 999999.5: "999999.5f",
		1e6: "1e+06f", -1e6: "-1e+06f", 1 << 24: "1.6777216e+07f", -1e-7: "-1e-07f",
		float32(math.Inf(1)): "as_float(0x7f800000u)", float32(math.Inf(-1)): "as_float(0xff800000u)",
		math.MaxFloat32: "3.4028235e+38f", math.SmallestNonzeroFloat32: "1e-45f",
	} {
		got := number(f)
		if got != want {
			t.Errorf("%g: %s, want %s", f, got, want)
		}
		if strings.HasPrefix(got, "as_float") {
			continue
		}
		if back, err := strconv.ParseFloat(strings.TrimSuffix(got, "f"), 32); err != nil || float32(back) != f {
			t.Errorf("%s is %g, want %g: %v", got, back, f, err)
		}
	}
	if got := number(float32(math.Copysign(0, -1))); got != "as_float(0x80000000u)" {
		t.Errorf("-0: %s", got)
	}
	if got := number(math.Float32frombits(0x7fc00000)); got != "as_float(0x7fc00000u)" {
		t.Errorf("NaN: %s", got)
	}
}
