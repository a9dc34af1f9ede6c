package live_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	shipped "github.com/kvgen/kvgen/kernels/spec"
)

// rivals are cache types of other projects, which the table leaves out.
const rivals = "../../kernels/spec/rivals"

var loadRivals = sync.OnceValues(func() (*live.Set, error) { return live.Load(rivals) })

// TestRivals takes the folder in on top of the table, as --spec does. Every file says first where
// its types are from, and its name is free, so that kvgen build takes it.
func TestRivals(t *testing.T) {
	set, err := loadRivals()
	if err != nil {
		t.Fatal(err)
	}
	table, err := set.Extend(kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, typ := range set.Spec.Types {
		files[filepath.Base(typ.File)] = true
		if kernels.Default().ByName(typ.Name) != nil {
			t.Errorf("the program's own table has %s", typ.Name)
		}
		if row := table.ByName(typ.Name); row == nil || !row.KV || typ.Encode == nil {
			t.Errorf("%s is no cache type", typ.Name)
		}
	}
	base, err := spec.Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(rivals + "/*.hcl")
	if err != nil || len(names) == 0 || len(names) != len(files) {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), "# Source: ") {
			t.Errorf("%s does not begin with its source: %v", name, err)
		}
		if _, err := spec.Extend(base, map[string][]byte{name: text}); err != nil {
			t.Errorf("alone: %v", err)
		}
		if f, err := shipped.Files.Open(filepath.Base(name)); err == nil {
			t.Errorf("there are two %s: %v", filepath.Base(name), f.Close())
		}
	}
}

// TestRivalErrors packs normal values and reads them. The squared error is that of the levels where
// a source says which levels they are: Lloyd-Max's for a normal value (Max 1960), and for points
// the figure of the file. Codes of a kept norm have 2(1 - sqrt(1 - D)) where those of the best
// scale have D, and vectors of a fixed norm up to 12 % less in short blocks. Else it is told by its
// ratio to what the type is an improvement of.
func TestRivalErrors(t *testing.T) {
	set, err := loadRivals()
	if err != nil {
		t.Fatal(err)
	}
	miss := map[string]float64{}
	for _, typ := range set.Spec.Types {
		x, y := packed(typ)
		miss[typ.Name] = squares(x, y) / squares(x, make([]float32, len(x)))
	}
	for family, levels := range map[string]float64{
		"turbo2_new": .1175, "turbo3_new": .03454, "turbo4_new": .009497, "tq5_0": .002499, "tq6_0": .0006442, "higgs2": .1076,
	} {
		if family != "higgs2" {
			levels = 2 * (1 - math.Sqrt(1-levels))
		}
		for _, block := range []string{"_64", "_128"} {
			if e := miss[family+block] / levels; !(e > .88 && e < 1.03) {
				t.Errorf("%s%s: error %.3g of that of its levels", family, block, e)
			}
		}
	}
	for _, c := range []struct {
		better, worse string
		lo, hi        float64
	}{
		{"nvfp4_4over6", "nvfp4_kv", .7, .95}, // the better of two scales, one is nvfp4's
		{"e8_4_64", "affine4_64", .8, .93},    // inside the lattice .65 dB less, 14 %
		{"e8_4_128", "affine4_128", .8, .93},
		{"higgs2_64", "e8_2_64", .8, .9},
		{"exl2c", "exl2", .85, .97},
	} {
		if r := miss[c.better] / miss[c.worse]; !(r > c.lo && r < c.hi) {
			t.Errorf("%s has %.3f of the error of %s", c.better, r, c.worse)
		}
	}
}

// packed is normal values before and after being stored in typ.
func packed(typ *spec.Type) (x, y []float32) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y = make([]float32, 4096/typ.Block*typ.Block), make([]float32, 4096/typ.Block*typ.Block)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	b := make([]byte, len(x)/typ.Block*typ.Bytes)
	interp.Encode(typ, b, x)
	interp.Decode(typ, y, b)
	if typ.Domain != nil {
		interp.Inverse(typ.Domain, y)
	}
	return x, y
}

func squares(x, y []float32) (sum float64) {
	for i := range x {
		sum += math.Pow(float64(x[i])-float64(y[i]), 2)
	}
	return sum
}
