package policy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestPlanGroups names equal layers together, across a pattern of windows, and says why only once.
func TestPlanGroups(t *testing.T) {
	var layers []kv.Layer
	for i := range 9 {
		l := kv.Layer{Index: i, Heads: 1, KeyDim: 64, ValueDim: 64}
		if i%3 != 2 && i != 6 {
			l.Window = 32
		}
		layers = append(layers, l)
	}
	plan, err := kv.NewPlan(layers, kv.Policy{K: kv.Choice{Type: kernels.Default().ByName("q8_0")}, V: kv.Choice{Type: kernels.Default().ByName("lm4_64")}, Ends: kv.Ends{First: 4, Last: 60}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range plan.Layers {
		plan.Layers[i].K.Why = "auto: a reason that is much too long to be read more than once in a plan"
		plan.Layers[i].V.Why = plan.Layers[i].K.Why
	}
	var out bytes.Buffer
	Print(&out, plan, 64)
	for _, want := range []string{"  layers 0-1, 3-4, 7: 1 KV heads of 64/64, window 32\n", "  layers 2, 5-6, 8: 1 KV heads of 64/64\n", "all of a context of 64: nothing is packed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if n := strings.Count(out.String(), "much too long"); n != 1 {
		t.Errorf("the reason is there %d times:\n%s", n, &out)
	}
}
