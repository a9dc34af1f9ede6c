package live_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// TestProcess runs models with different tables at once: of the default one, of portable Go, and of
// two extended ones in which a name stands for different types. Each has its own types and kernels,
// and says what it says alone.
func TestProcess(t *testing.T) {
	text := func(levels string) map[string][]byte {
		return map[string][]byte{"t.hcl": []byte(`
type "mine" {
  summary = "4-bit codes"
  use     = [kv]
  block   = 32
  layout  = [f16("d"), u8("codes", 16)]
  code    = bits(codes, 4*i, 4)
  value   = d * (code - ` + levels + `)
  encode {
    d    = absmax(x) / ` + levels + `
    code = clamp(round(x*inv(d)) + ` + levels + `, 0, 15)
  }
}`)}
	}
	portable, err := kernels.Default().SelectISA("generic")
	if err != nil {
		t.Fatal(err)
	}
	extended := func(table *kernels.Table, levels string) *kernels.Table {
		set, err := live.Parse(text(levels))
		if err != nil {
			t.Fatal(err)
		}
		if table, err = set.Extend(table); err != nil {
			t.Fatal(err)
		}
		return table
	}
	tables := []*kernels.Table{kernels.Default(), portable, extended(kernels.Default(), "7"), extended(portable, "1")}
	caches := []string{"q8_0", "q8_0", "mine", "mine"}
	say := func(i int) string {
		m, err := model.Parse(demo.Model(), tables[i])
		if err != nil {
			t.Error(err)
			return ""
		}
		defer m.Close()
		plan, err := policy.NewReader(m, "").Plan(caches[i])
		if err != nil {
			t.Error(err)
			return ""
		}
		c, err := m.NewContext(model.Options{Plan: plan, Size: 64, Threads: 1, Math: model.Fast})
		if err != nil {
			t.Error(err)
			return ""
		}
		defer c.Close()
		words, err := tokenizer.New(m.File)
		if err != nil {
			t.Error(err)
			return ""
		}
		var all strings.Builder
		for piece, err := range generate.New(c, words, generate.Options{Sampling: sample.Options{Temperature: 1, TopP: 1, Seed: 3}, Limit: 8, IgnoreEnd: true}).Stream(t.Context(), words.Encode("KING HENRY:\n", true, false)) {
			if err != nil {
				t.Error(err)
			}
			all.WriteString(piece)
		}
		if got := c.Cache.Layer(0).K; got.Type != tables[i].ByName(caches[i]) || got.Impl != got.Type.Best() {
			t.Errorf("table %d: the keys are of another table", i)
		}
		return all.String()
	}
	var alone, together [4]string
	for i := range alone {
		alone[i] = say(i)
	}
	var wait sync.WaitGroup
	for i := range together {
		wait.Go(func() { together[i] = say(i) })
	}
	wait.Wait()
	if alone != together || alone[0] == "" || alone[1] == "" {
		t.Errorf("alone %q\ntogether %q", alone, together)
	}
	if alone[2] == alone[3] {
		t.Errorf("two types of one name say the same: %q", alone[2])
	}
	if m, err := model.Parse(demo.Model(), kernels.Default()); err != nil {
		t.Fatal(err)
	} else if _, err := policy.NewReader(m, "").Plan("mine"); err == nil || !strings.Contains(err.Error(), `no cache type "mine"`) {
		t.Errorf("the default table knows a type of another: %v", err)
	}
}
