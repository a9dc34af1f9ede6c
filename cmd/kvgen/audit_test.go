package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// TestAuditFigures compares the errors on N(0,1) with those measured on the original implementations, as package ref does,
// and holds the project's own spec to having no flagged type that does not say why.
func TestAuditFigures(t *testing.T) {
	var stdout, stderr bytes.Buffer
	run(&stdout, &stderr, []string{"audit", "--spec", "../../kernels/spec", "--samples", "32768", "--json"})
	var rows []auditRow
	if err := json.Unmarshal(stdout.Bytes(), &rows); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	byName := map[string]auditRow{}
	for _, r := range rows {
		byName[r.Type] = r
	}
	for name, want := range map[string]float64{"turbo2": .117, "turbo3": .0333, "turbo4": .0183, "q4_0": .0073, "iq4_nl": .0062,
		"q4_1": .0061, "q5_0": .0018, "q5_1": .0014, "q8_0": 2.9e-5, "f32": 0} {
		r := byName[name]
		if r.Gaussian == nil || math.Abs(*r.Gaussian-want) > .04*want {
			t.Errorf("%s: %s on N(0,1), want %g", name, text("%.4g", r.Gaussian), want)
		}
	}
	for name, shape := range map[string]string{"turbo2": "", "turbo3": "", "turbo4": "equal-probability table"} {
		v := byName[name].Codebook
		if v.Flagged != (shape != "") || !strings.Contains(v.Shape, shape) {
			t.Errorf("%s: flagged %t as %q", name, v.Flagged, v.Shape)
		}
	}
	if v := byName["turbo4"].Codebook; math.Abs(v.MSE-.019458) > 1e-6 || math.Abs(v.Optimum-.009315) > 1e-6 {
		t.Errorf("turbo4: %.6f against %.6f, want .019458 against .009315 on the sphere of 128 dimensions", v.MSE, v.Optimum)
	}
}

// TestShape tells tables apart by their levels alone, in any unit.
func TestShape(t *testing.T) {
	optimal := []float64{-1.510418, -.452780, .452780, 1.510418}
	for _, c := range []struct {
		what   string
		levels []float64
		want   string
	}{
		{"cell means", []float64{-12.7111, -3.2452, 3.2452, 12.7111}, "means of 4"},
		{"cell medians", []float64{-1.15035, -.318639, .318639, 1.15035}, "medians of 4"},
		{"even", []float64{-3, -1, 1, 3}, "evenly spaced"},
		{"Lloyd-Max", optimal, ""},
	} {
		if got := shape(c.levels); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
