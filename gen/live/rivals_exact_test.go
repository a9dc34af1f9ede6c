package live_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
)

// rival is one type of the folder.
func rival(t *testing.T, name string) *spec.Type {
	t.Helper()
	set, err := loadRivals()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range set.Spec.Types {
		if typ.Name == name {
			return typ
		}
	}
	t.Fatalf("no type %s", name)
	return nil
}

var elements = []float64{0, .5, 1, 1.5, 2, 3, 4, 6} // E2M1

// closest is the number of the nearest level, of two the even one.
func closest(levels []float64, x float64) (best int) {
	for i, l := range levels {
		was, is := math.Abs(levels[best]-x), math.Abs(l-x)
		if is < was || is == was && i%2 == 0 {
			best = i
		}
	}
	return best
}

// e4m3 is every number that an unsigned E4M3 holds.
func e4m3() (all []float64) {
	for code := range 127 {
		m, e := float64(code%8)/8, code/8
		if e == 0 {
			all = append(all, math.Ldexp(m, -6))
		} else {
			all = append(all, math.Ldexp(1+m, e-7))
		}
	}
	return all
}

// blockOf is x in elements under the scale d, and its squared error.
func blockOf(x []float32, d float64) (y []float32, miss float64) {
	for _, v := range x {
		l := 0.0
		if d > 0 {
			l = elements[closest(elements, math.Abs(float64(v))/d)]
		}
		y = append(y, float32(math.Copysign(l*d, float64(v))))
	}
	return y, squares(x, y)
}

// TestRivalFP4 looks up scales and elements in lists of all there are.
func TestRivalFP4(t *testing.T) {
	scales := e4m3()
	for _, c := range []struct {
		name string
		want func(x []float32, most float64) []float32
	}{
		{"nvfp4_kv", func(x []float32, most float64) []float32 {
			y, _ := blockOf(x, scales[closest(scales, most/6)])
			return y
		}},
		{"nvfp4_4over6", func(x []float32, most float64) []float32 {
			six, miss := blockOf(x, scales[closest(scales, most/6)])
			if four, less := blockOf(x, scales[closest(scales, most/4)]); less < miss {
				return four
			}
			return six
		}},
		{"mxfp4_kv", func(x []float32, most float64) []float32 {
			y, _ := blockOf(x, math.Exp2(math.Floor(math.Log2(most))-2))
			return y
		}},
	} {
		typ := rival(t, c.name)
		for _, unit := range []float32{1, .01, 300} {
			x, _ := packed(typ)
			for i := range x {
				x[i] *= unit
			}
			b, y := make([]byte, len(x)/typ.Block*typ.Bytes), make([]float32, len(x))
			interp.Encode(typ, b, x)
			interp.Decode(typ, y, b)
			for at := 0; at < len(x); at += typ.Block {
				block, most := x[at:at+typ.Block], 0.0
				for _, v := range block {
					most = max(most, math.Abs(float64(v)))
				}
				// The type rounds quotients to f32: that may change a tie, not the error.
				want := c.want(block, most)
				if got := squares(block, y[at:at+typ.Block]); math.Abs(got-squares(block, want)) > 1e-5*got {
					t.Fatalf("%s: block %v\nis    %v\nwants %v", c.name, block, y[at:at+typ.Block], want)
				}
			}
		}
	}
}

// TestRivalE8: what is read is a point of E8, and none of its 240 neighbours is nearer.
func TestRivalE8(t *testing.T) {
	typ := rival(t, "e8_4_64")
	x, y := packed(typ)
	interp.Forward(typ.Domain, x)
	interp.Forward(typ.Domain, y)
	for at := 0; at < len(x); at += typ.Block {
		most := 0.0
		for _, v := range x[at : at+typ.Block] {
			most = max(most, math.Abs(float64(v)))
		}
		for i := at; i < at+typ.Block; i += 8 {
			var v, p [8]float64
			whole, sum := 0, 0.0
			for k := range v {
				v[k] = float64(x[i+k]) * 7 / most
				p[k] = math.Round(float64(y[i+k])*14/most) / 2
				sum += p[k]
				if p[k] == math.Trunc(p[k]) {
					whole++
				}
			}
			if whole%8 != 0 || math.Mod(sum, 2) != 0 {
				t.Fatalf("%v is no point of E8", p)
			}
			for _, r := range roots() {
				var here, there float64
				for k := range v {
					here += (v[k] - p[k]) * (v[k] - p[k])
					there += (v[k] - p[k] - r[k]) * (v[k] - p[k] - r[k])
				}
				if there < here-1e-4 {
					t.Fatalf("%v became %v, and %v further is nearer: %v, %v", v, p, r, there, here)
				}
			}
		}
	}
}

// roots are the shortest vectors of E8: ±1 ±1 in two places, and ±1/2 in all, their sum even.
func roots() (all [][8]float64) {
	for a := range 8 {
		for b := range a {
			for s := range 4 {
				var r [8]float64
				r[a], r[b] = float64(s%2*2-1), float64(s/2*2-1)
				all = append(all, r)
			}
		}
	}
	for s := range 256 {
		var r [8]float64
		sum := 0.0
		for k := range r {
			r[k] = float64(s>>k&1) - .5
			sum += r[k]
		}
		if math.Mod(sum, 2) == 0 {
			all = append(all, r)
		}
	}
	return all
}

// TestRivalCompander: codes are cells of equal width of t, where .65 t + .35 t^3 is the value over
// the largest of 32, t here by bisection.
func TestRivalCompander(t *testing.T) {
	const cells = 8
	typ := rival(t, "exl3c")
	x, y := packed(typ)
	interp.Forward(typ.Domain, x)
	interp.Forward(typ.Domain, y)
	curve := func(t float64) float64 { return .65*t + .35*t*t*t }
	for at := 0; at < len(x); at += 32 {
		most := 0.0
		for _, v := range x[at : at+32] {
			most = max(most, math.Abs(float64(v)))
		}
		for i := at; i < at+32; i++ {
			v, lo, hi := float64(x[i])/most, -1.0, 1.0
			for range 50 {
				if m := (lo + hi) / 2; curve(m) < v {
					lo = m
				} else {
					hi = m
				}
			}
			at := (lo + 1) / 2 * cells
			code := min(math.Floor(at), cells-1)
			want := curve((2*code+1)/cells - 1)
			if near := math.Abs(at - math.Round(at)); near > 1e-4 && math.Abs(float64(y[i])/most-want) > 1e-3 {
				t.Fatalf("%v of %v is read as %v, want %v", v, most, float64(y[i])/most, want)
			}
		}
	}
}

// TestRivalGrid: levels in the middle of cells have less error than a grid that has 0, as exllamav3
// states: about 5 %, it says, and 14 % it is at 4 bits.
func TestRivalGrid(t *testing.T) {
	for width, most := range map[int]float64{2: .9, 3: .9, 4: .9, 5: .96, 6: .99} {
		typ := rival(t, fmt.Sprintf("exl%d", width))
		x, y := packed(typ)
		middle := squares(x, y)
		interp.Forward(typ.Domain, x)
		half := math.Exp2(float64(width - 1))
		for at := 0; at < len(x); at += 32 {
			top := 0.0
			for _, v := range x[at : at+32] {
				top = max(top, math.Abs(float64(v)))
			}
			for i := at; i < at+32; i++ {
				y[i] = float32(min(math.RoundToEven(float64(x[i])/top*half), half-1) / half * top)
			}
		}
		if r := middle / squares(x, y); !(r < most) {
			t.Errorf("%d bits: %.3f of the error of a grid that has 0", width, r)
		} else {
			t.Log(width, r)
		}
	}
}
