package live_test

import (
	"fmt"
	"log"

	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/kernels"
)

// A type of a text is used like those that kernels were generated for.
func Example() {
	set, err := live.Parse(map[string][]byte{"ternary.hcl": []byte(`
type "ternary" {
  summary = "2-bit codes of -1, 0 and 1, one scale per 32 values"
  use     = [kv]
  block   = 32
  layout  = [f16("d"), u8("codes", 8)]
  code    = bits(codes, 2*i, 2)
  value   = d * (code - 1)
  encode {
    d    = absmax(x)
    code = clamp(round(x*inv(d)) + 1, 0, 2)
  }
}`)})
	if err != nil {
		log.Fatal(err)
	}
	table, err := set.Extend(kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	t := table.ByName("ternary")
	x, packed := make([]float32, t.Block), make([]byte, t.Bytes)
	x[0], x[1], x[2] = 2, -2, 0.5
	t.Best().Encode(packed, x)
	t.Best().Decode(x, packed)
	fmt.Println(t.BitsPerValue(64), t.Best().ISA, x[:4])
	// Output: 2.5 interpreted [2 -2 0 0]
}
