package lower

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
)

// one reads a type of 32 values with a scale and codes of some bits.
func one(t *testing.T, bits int, value string) *spec.Type {
	t.Helper()
	text := fmt.Sprintf(`transform "w" {
  kind = wht
  size = 32
  left = signs("golden")
}
type "t" {
  use    = [weight]
  block  = 32
  layout = [f16("d"), u8("qs", %d)]
  code   = bits(qs, %[2]d*i, %[2]d)
  value  = %[3]s
}
`, 32*bits/8, bits, value)
	set, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return set.Types[0]
}

// TestWidthOfCodes holds levels to codes of at most 8 bits: a wider one has no table of levels, and
// no products with it.
func TestWidthOfCodes(t *testing.T) {
	for bits := 1; bits <= 12; bits++ {
		typ := one(t, bits, "d * code")
		p, why := Split(typ)
		if bits <= 8 && (why != "" || len(p.Levels) != 1<<bits) {
			t.Errorf("%d bits: %d levels: %s", bits, len(p.Levels), why)
		}
		if bits > 8 && why != "the level is not chosen by a code of at most 8 bits" {
			t.Errorf("%d bits: %d levels: %q", bits, len(p.Levels), why)
		}
		if bits > 8 && ActGroup(typ) != 0 {
			t.Errorf("%d bits: products on int8", bits)
		}
		if f, why := Try(func() *ir.Func { return Decode(typ, testCaps, "decode") }); f == nil {
			t.Errorf("%d bits: no kernel: %s", bits, why)
		}
	}
}

// TestOverTheBlock holds values that need all of a block to a reason why they have no kernel.
func TestOverTheBlock(t *testing.T) {
	for value, want := range map[string]string{
		"w(d * code)":             "value uses transform over the block",
		"inverse(w, d * code)":    "value uses inverse over the block",
		"d * code - sum(d*code)":  "value uses sum over the block",
		"d * code / absmax(code)": "value uses absmax over the block",
	} {
		typ := one(t, 4, value)
		f, why := Try(func() *ir.Func { return Decode(typ, testCaps, "decode") })
		if f != nil || !strings.Contains(why, want) {
			t.Errorf("%s: %v, %q, want it to say %q", value, f, why, want)
		}
	}
}
