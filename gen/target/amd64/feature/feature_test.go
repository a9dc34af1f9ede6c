package feature

import (
	"slices"
	"strings"
	"testing"
)

// TestRequired goes through the forms whose width or operands decide.
func TestRequired(t *testing.T) {
	for text, want := range map[string]string{
		"MOVQ n+8(FP), CX\nADDQ $8, CX": "",
		"VADDPS (AX), Y0, Y1":           "AVX",
		"VPADDD X0, X1, X2":             "AVX",
		"VPADDD Y0, Y1, Y2":             "AVX2",
		"VPADDD Z0, Z1, Z2":             "AVX512F",
		"VPADDD X0, X1, X17":            "AVX512VL",
		"VPADDB Y0, Y1, K1, Y2":         "AVX512BW AVX512VL",
		"VBROADCASTSS (AX), Y0":         "AVX",
		"VBROADCASTSS X0, Y0":           "AVX2",
		"VPBROADCASTD AX, Y0":           "AVX512VL",
		"VPBROADCASTD (AX), Y0":         "AVX2",
		"VFMADD231PS Y0, Y1, Y2 // Y2 += Y0*Y1\nVCVTPH2PS X0, Y1": "F16C FMA",
		"VFMADD231PS Z0, Z1, Z2":                                  "AVX512F",
		"VXORPS Y0, Y0, Y0":                                       "AVX",
		"VXORPS Z0, Z0, Z0":                                       "AVX512DQ",
		"VADDPS.BCST (AX), Z0, Z1":                                "AVX512F",
		"VPDPBUSD Y0, Y1, Y2":                                     "AVX512VL AVX512VNNI",
		"VPMINSD X0, X1, X17":                                     "AVX512VL",
		"VBROADCASTSS (AX), Y16":                                  "AVX512VL",
		"VPERMB Z0, Z1, Z2":                                       "AVX512VBMI",
		"KMOVW AX, K1":                                            "AVX512F",
		"VADDSS X0, X1, X20":                                      "AVX512F",
		"PSHUFB X0, X1\nPEXTQ AX, BX, CX":                         "SSSE3 BMI2",
	} {
		if got := strings.Join(Required(text), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestTable holds the tables to being sets, with features that Required lists.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	check := func(names string, features ...string) {
		for _, name := range strings.Fields(names) {
			if seen[name] {
				t.Errorf("%s is in two classes", name)
			}
			seen[name] = true
		}
		for _, f := range features {
			if f != "" && !slices.Contains(order, f) {
				t.Errorf("%s is in no order", f)
			}
		}
	}
	for _, c := range classes {
		check(c.names, c.x, c.y, c.evex)
	}
	for _, l := range legacy {
		check(l.names, l.feature)
	}
	if _, known := Of("VNOSUCH", "", []string{"Y0"}); known {
		t.Error("an instruction that is in no table is known")
	}
}
