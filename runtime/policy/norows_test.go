package policy

import (
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// TestNoRows says of a model without attention that there is nothing to plan.
func TestNoRows(t *testing.T) {
	f16 := kv.Choice{Type: kernels.Default().ByName("f16")}
	p, err := kv.NewPlan(nil, kv.Policy{K: f16, V: f16})
	if err != nil {
		t.Fatal(err)
	}
	k, v := Summary(p)
	if k != "none" || v != "none" || Cost(p, 100) != "no layer keeps rows" {
		t.Errorf("K %s, V %s, %s", k, v, Cost(p, 100))
	}
}
