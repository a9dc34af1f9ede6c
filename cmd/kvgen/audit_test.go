package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestAuditFigures compares the errors on N(0,1) with those measured on the original
// implementations, as package ref does, and holds the project's own spec to having no flagged type
// that does not say why.
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
		"q4_1": .0061, "q5_0": .0018, "q5_1": .0014, "q8_0": 2.9e-5, "xm3_64": .0292, "xm4_64": .0071, "xm5_32": .00147, "f32": 0} {
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
	for name, source := range map[string]string{"xm4_64": "extremum(64)", "xm5_128": "extremum(128)", "iq4_nl": "extremum(32)", "lm4_64": "sphere(64)"} {
		if v := byName[name].Codebook; v.Source != source || v.Flagged {
			t.Errorf("%s: %.2f %% above the optimum on %s, want %s", name, 100*v.Excess, v.Source, source)
		}
	}
	if v := byName["turbo4"].Codebook; math.Abs(v.MSE-.019458) > 1e-6 || math.Abs(v.Optimum-.009315) > 1e-6 {
		t.Errorf("turbo4: %.6f against %.6f, want .019458 against .009315 on the sphere of 128 dimensions", v.MSE, v.Optimum)
	}
}

// TestAuditExtremum has types that divide by the extremum. They are held to what that leaves of
// their block, whichever way they turn its sign, and the table that is best for the sphere is found
// to be a bad one.
func TestAuditExtremum(t *testing.T) {
	for _, c := range []struct {
		what, levels, at string
		source           string
		least, most      float64 // excess
	}{
		{"its own", "lloyd_max(16, extremum(32))", "1", "extremum(32)", -1e-6, 1e-6},
		{"mirrored", "[-127, -102, -82, -65, -50, -36, -22, -9, 3, 15, 28, 41, 55, 71, 90, 113]", "-129", "extremum(32)", 0, .01},
		{"by the sign of another", "[-127, -102, -82, -65, -50, -36, -22, -9, 3, 15, 28, 41, 55, 71, 90, 113]", "129", "extremum(32)", tolerance, 1},
		{"of runs", "lloyd_max(16, extremum(16))", "1, 16", "extremum(16)", -1e-6, 1e-6},
		{"of the sphere", "lloyd_max(16, sphere(32))", "0.46", "extremum(32)", tolerance, 1},
		{"of magnitudes", "lloyd_max(16, sphere(32))", "", "sphere(32)", -1e-6, 1e-6},
	} {
		scale, run, _ := strings.Cut(c.at, ",")
		v := "w * (" + scale + " * inv(extremum(w)))"
		if run != "" {
			v = "w * inv(extremum(w, " + run + "))"
		} else if scale == "" {
			v = "w * inv(absmax(w))"
		}
		set, err := spec.Parse(map[string][]byte{"t.hcl": []byte("transform \"turn\" {\n  kind = wht\n  size = 32\n}\n" +
			"type \"t\" {\n  block = 32\n  layout = [f16(\"d\"), u8(\"qs\", 16)]\n  code = bits(qs, 4*i, 4)\n  value = d * codebook[code]\n" +
			"  domain = turn\n  codebook = " + c.levels + "\n  encode {\n    w = domain(x)\n    code = nearest(codebook, " + v + ")\n    d = absmax(w)\n  }\n}\n")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := judge(set.Types[0])
		if err != nil || got.Source != c.source || got.Excess < c.least || got.Excess > c.most || got.Flagged != (c.least == tolerance) {
			t.Errorf("%s: %+v, %v; want %s and from %g to %g", c.what, got, err, c.source, c.least, c.most)
		}
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
