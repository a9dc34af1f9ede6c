package lower

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// testCaps are those of a machine with 16 registers.
var testCaps = Caps{Registers: 16, Chains: 4, Costs: map[ir.Op]int{ir.OpLoadPair: 2, ir.OpPack4: 5, ir.OpGather: 20, ir.OpLoadBytes: 4}}

// TestCheapestOrder holds the order of every type's codes to what kernels rely on: each value once,
// vectors of chunk values, and no more instructions than in the natural order.
func TestCheapestOrder(t *testing.T) {
	set, err := spec.Load(os.DirFS("../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, typ := range set.Types {
		if ActGroup(typ) == 0 {
			continue
		}
		tested++
		a := split(typ)
		code := a.Code
		o := cheapest(testCaps, typ, a)
		var all []int
		for _, values := range o {
			if len(values) != chunk {
				t.Errorf("%s: a vector of %d values", typ.Name, len(values))
			}
			all = append(all, values...)
		}
		slices.Sort(all)
		for i, v := range all {
			if v != i || len(all) != typ.Block {
				t.Fatalf("%s: the order holds %v, not each of %d values once", typ.Name, all, typ.Block)
			}
		}
		if code == nil { // points are read in the natural order
			continue
		}
		if got, plain := o.cost(testCaps, typ, code), natural(typ.Block).cost(testCaps, typ, code); got > plain {
			t.Errorf("%s: %d instructions, %d in the natural order", typ.Name, got, plain)
		}
	}
	if tested < 10 {
		t.Errorf("only %d types have kernels on bytes", tested)
	}
}

// TestOrderOfNeighbours: two codes to a byte are a mask for the first and a shift and a mask for
// the second, with a load each.
func TestOrderOfNeighbours(t *testing.T) {
	set, err := spec.Parse(map[string][]byte{"n.hcl": []byte(`
type "n" {
  use    = [weight]
  block  = 64
  layout = [f16("d"), u8("qs", 32)]
  code   = bits(qs, 4*i, 4)
  value  = d * (code - 8)
}`)})
	if err != nil {
		t.Fatal(err)
	}
	typ := set.Types[0]
	a := split(typ)
	code := a.Code
	o := cheapest(testCaps, typ, a)
	const param = 1
	if got := o.cost(testCaps, typ, code); got != 2+3+param {
		t.Errorf("%d instructions for 64 codes, want a load and a mask, and a load, a shift and a mask", got-param)
	}
	for k, want := range []string{"values 0, 2, 4 to 62", "values 1, 3, 5 to 63"} {
		if got := describe(o[k]); !strings.Contains(got, want) {
			t.Errorf("vector %d holds %s, want %s", k, got, want)
		}
	}
}
