package codebook_test

import (
	"math"
	"testing"

	"github.com/kvgen/kvgen/gen/codebook"
)

// TestLloydMax compares levels and errors with tables computed independently to 1e-15.
func TestLloydMax(t *testing.T) {
	for _, c := range []struct {
		source codebook.Source
		n      int
		mse    float64
		levels []float64 // the positive half in standard deviations
	}{
		{codebook.Gaussian(), 2, .36338023, []float64{.797885}},
		{codebook.Gaussian(), 4, .11748185, []float64{.452780, 1.510418}},
		{codebook.Gaussian(), 8, .03454776, []float64{.245094, .756005, 1.343909, 2.151946}},
		{codebook.Gaussian(), 16, .00950101, []float64{.128395, .388048, .656759, .942340, 1.256231, 1.618046, 2.069017, 2.732590}},
		{codebook.Gaussian(), 32, .00250467, []float64{.065890, .198052, .331378, .466700, .604934, .747136, .894565, 1.048783,
			1.211804, 1.386340, 1.576228, 1.787233, 2.028728, 2.317739, 2.691120, 3.260732}},
		{codebook.Gaussian(), 64, .00064424, nil},
		{codebook.Gaussian(), 256, .00004119, nil},
		{codebook.Sphere(64), 16, .009132, []float64{.12741, .38493, .65083, .93231, 1.23987, 1.59134, 2.02379, 2.64678}},
		{codebook.Sphere(128), 2, .360889, nil},
		{codebook.Sphere(128), 4, .116000, []float64{.45246, 1.50522}},
		{codebook.Sphere(128), 8, .033966, []float64{.24444, .75340, 1.33669, 2.13156}},
		{codebook.Sphere(128), 16, .009315, []float64{.12796, .38666, .65401, .93757, 1.24827, 1.60484, 2.04639, 2.68925}},
		{codebook.Sphere(256), 16, .009408, []float64{.12820, .38743, .65551, .94011, 1.25241, 1.61159, 2.05782, 2.71093}},
		{codebook.Sphere(32), 16, .008774, nil},
		{codebook.Sphere(512), 8, .034402, nil},
		{codebook.Laplace(), 2, .5, []float64{math.Sqrt2 / 2}},
	} {
		levels, err := codebook.LloydMax(c.n, c.source)
		if err != nil {
			t.Error(err)
			continue
		}
		mse, scale := codebook.Distortion(levels, c.source)
		if math.Abs(mse-c.mse) > 6e-7 || c.mse < .001 && math.Abs(mse-c.mse) > 6e-9 {
			t.Errorf("%s, %d levels: mse %.8f, want %.8f", c.source.Name, c.n, mse, c.mse)
		}
		if math.Abs(scale-1) > 1e-6 {
			t.Errorf("%s, %d levels: best scale %v, want 1", c.source.Name, c.n, scale)
		}
		tolerance := 6e-6
		if c.source.Name != "gaussian" {
			// the published tables stopped early; TestStationary holds ours to the definition
			tolerance = 6e-4
		}
		for i, want := range c.levels {
			if got := levels[c.n/2+i] / math.Sqrt(c.source.Variance); math.Abs(got-want) > tolerance {
				t.Errorf("%s, %d levels: level %d is %.6f, want %.6f", c.source.Name, c.n, i, got, want)
			}
		}
	}
}

// TestStationary checks the definition by another integration rule: each level is the mean of its
// cell.
func TestStationary(t *testing.T) {
	const d, n, steps = 128, 16, 400_000
	levels, err := codebook.LloydMax(n, codebook.Sphere(d))
	if err != nil {
		t.Fatal(err)
	}
	var mass, first [n]float64
	cell := 0
	for k := range steps { // midpoint rule over -1..1
		x := (2*float64(k) + 1 - steps) / steps
		for cell+1 < n && x > (levels[cell]+levels[cell+1])/2 {
			cell++
		}
		f := math.Pow(1-x*x, (d-3)/2.0)
		mass[cell] += f
		first[cell] += f * x
	}
	for i := range levels {
		if mean := first[i] / mass[i]; math.Abs(mean-levels[i]) > 2e-6 {
			t.Errorf("level %d is %.8f, the mean of its cell %.8f", i, levels[i], mean)
		}
	}
}

// TestInt8 holds the integer tables to the cost published for them: .009509 against .009501,
// .034549 against .034548.
func TestInt8(t *testing.T) {
	s := codebook.Gaussian()
	for _, c := range []struct {
		n         int
		published []float64
		mse       float64
	}{
		{16, []float64{6, 18, 30, 43, 57, 73, 93, 123}, .009509},
		{8, []float64{13, 40, 71, 114}, .034549},
	} {
		table := make([]float64, c.n)
		for i, v := range c.published {
			table[c.n/2+i], table[c.n/2-1-i] = v, -v
		}
		published, _ := codebook.Distortion(table, s)
		if math.Abs(published-c.mse) > 6e-7 {
			t.Errorf("%d levels: published table %.6f, want %.6f", c.n, published, c.mse)
		}
		levels, err := codebook.LloydMax(c.n, s)
		if err != nil {
			t.Fatal(err)
		}
		whole, scale, err := codebook.Int8(levels, s)
		if err != nil {
			t.Fatal(err)
		}
		got := codebook.AtScale(whole, s, 1/scale)
		optimum := codebook.AtScale(levels, s, 1)
		if got > published || got < optimum {
			t.Errorf("%d levels: %v has %.8f, want from %.8f to %.8f", c.n, whole, got, optimum, published)
		}
		for _, v := range whole {
			if v != math.Trunc(v) || math.Abs(v) > 127 {
				t.Errorf("level %v is not an int8", v)
			}
		}
	}
	if _, _, err := codebook.Int8(make([]float64, 256), s); err == nil {
		t.Error("256 levels fit -127..127")
	}
}

// TestDistortion checks published tables that are not optimal for their source.
func TestDistortion(t *testing.T) {
	uniform := make([]float64, 16)
	for i := range uniform {
		uniform[i] = float64(i) - 7.5
	}
	for _, c := range []struct {
		name   string
		source codebook.Source
		levels []float64
		mse    float64
	}{
		{"uniform", codebook.Gaussian(), uniform, .011543},
		{"turbo4", codebook.Gaussian(), []float64{-0.173926, -0.117195, -0.089527, -0.068756, -0.051262, -0.035597, -0.020989, -0.006938,
			0.006938, 0.020989, 0.035597, 0.051262, 0.068756, 0.089527, 0.117195, 0.173926}, .010301},
	} {
		if got, _ := codebook.Distortion(c.levels, c.source); math.Abs(got-c.mse) > 6e-5 {
			t.Errorf("%s: %.6f, want %.6f", c.name, got, c.mse)
		}
	}
	asymmetric := []float64{-1.996684, -1.291398, -0.740341, -0.247508, 0.230106, 0.725222, 1.277503, 1.988943}
	if got := codebook.AtScale(asymmetric, codebook.Gaussian(), 1); math.Abs(got-.03541) > 6e-5 {
		t.Errorf("tq3_1s: %.6f, want .03541", got)
	}
	if b := codebook.RateBound(4); b != 1./256 {
		t.Errorf("bound at 4 bits %v", b)
	}
}
