package kv

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// faultOf stores rows of one key or value of a size among ordinary ones, in batches of n, and
// returns what Rows.Err says.
func faultOf(t *testing.T, c Choice, e Ends, keys bool, n int, big float32) error {
	t.Helper()
	l := Layer{Index: 7, Heads: 2, KeyDim: 64, ValueDim: 64}
	plan, err := NewPlan([]Layer{l}, Policy{K: c, V: c, Ends: e})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := New(plan, 64, 16)
	if err != nil {
		t.Fatal(err)
	}
	var ws kernels.Workspace
	for at := 0; at < 48; at += n {
		if err := cache.Place(n); err != nil {
			t.Fatal(err)
		}
		k, v := make([]float32, n*128), make([]float32, n*128)
		for i := range k {
			k[i], v[i] = float32(math.Sin(float64(at*128+i))), float32(math.Cos(float64(at*128+i)))
		}
		x := k
		if !keys {
			x = v
		}
		if at <= 20 && 20 < at+n {
			x[(20-at)*128+64+5] = big // position 20, head 1
		}
		rows := cache.Rows(0)
		if !rows.Exact() {
			p := rows.Segments()[0]
			p.K.Store(&ws, k, 128, 0, n)
			p.V.Store(&ws, v, 128, 0, n)
		}
		for lo := 0; rows.Exact() && lo < n; {
			step := rows.Next()
			rows.Store(&ws, k[lo*128:], 128, v[lo*128:], 128, 0, rows.Shares())
			lo += step
		}
		if err := rows.Err(); err != nil {
			if rows.Err() != nil {
				t.Error("a fault is reported twice")
			}
			return err
		}
	}
	return nil
}

// TestFault stores what is no number, or too large for a type, in every type of the cache, with and
// without a rotation and exact rows, at once and one by one. It is reported where it is, and what a
// type holds is not.
func TestFault(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, typ := range kernels.Default().Types() {
		if typ.Fits(64) != nil {
			continue
		}
		choices := []Choice{{Type: typ}}
		for _, r := range kernels.Default().Rotations() {
			if r.Fits(64, typ.Quantised) == nil {
				choices = append(choices, Choice{Type: typ, Rotation: r})
			}
		}
		for _, c := range choices {
			for _, e := range []Ends{{}, {First: 4, Last: 8, Type: kernels.Default().ByID(0)}} {
				for _, n := range []int{1, 16} {
					for _, keys := range []bool{true, false} {
						for _, big := range []float32{float32(math.NaN()), inf, -inf} {
							var f *Fault
							err := faultOf(t, c, e, keys, n, big)
							if !errors.As(err, &f) || f.Layer != 7 || f.Position != 20 || f.Head != 1 || f.Keys != keys || f.Most-f.Most == 0 {
								t.Fatalf("%s, ends %+v, %d at once, %v: %v", typ.Name, e, n, big, err)
							}
						}
						for _, big := range []float32{0, 3e38, 1e-40, 3000, -3000} {
							err := faultOf(t, c, e, keys, n, big)
							if big != 3e38 && err != nil {
								t.Fatalf("%s, ends %+v, %d at once, %v: %v", typ.Name, e, n, big, err)
							}
						}
					}
				}
			}
		}
	}
}

// TestFaultNames holds the message for f16: the place, the largest magnitude, what the type holds
// and others that hold more.
func TestFaultNames(t *testing.T) {
	err := faultOf(t, Choice{Type: kernels.Default().ByName("f16")}, Ends{}, true, 16, -1e5)
	var f *Fault
	if !errors.As(err, &f) || f.Most != 1e5 || f.Holds != 65504 || !slices.Contains(f.Others, "bf16") || slices.Contains(f.Others, "f16") ||
		!slices.Contains(f.Others, "lm4_64") || slices.Contains(f.Others, "turbo4") {
		t.Fatalf("%v: %+v", err, f)
	}
	want := "layer 7, position 20: the keys reach 100000, and the cache type f16 holds no more than 65504 of them: --cache-type-k f32, bf16, "
	if !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s...", err, want)
	}
	// Exact rows have a type of their own.
	err = faultOf(t, Choice{Type: kernels.Default().ByName("bf16")}, Ends{First: 40}, false, 16, 1e5)
	if !errors.As(err, &f) || !f.Exact || f.Keys || f.Type != "f16" || !strings.HasSuffix(err.Error(), "can, without exact rows") {
		t.Errorf("%v", err)
	}
	for big, types := range map[float32][]string{7e4: {"bf16", "q8_0", "lm4_64"}, 1e7: {"bf16", "f32"}, 65000: {"f16"}} {
		for _, name := range types {
			if err := faultOf(t, Choice{Type: kernels.Default().ByName(name)}, Ends{}, true, 1, big); err != nil {
				t.Errorf("%s does hold %v: %v", name, big, err)
			}
		}
	}
}
