package policy_test

import (
	"log"
	"os"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// A cache is asked for in one word, and its plan says what that comes to.
func ExampleReader_Plan() {
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	r := policy.NewReader(m, "")
	plan, err := r.Plan("q8_0+attn/turbo4@4+32")
	if err != nil {
		log.Fatal(err)
	}
	policy.Print(os.Stdout, plan, 512)
	// Output:
	// layers 0-5: 2 KV heads of 64/64
	//     K: requested q8_0+attn, in effect q8_0+attn (as requested), 8.500 bits per value
	//     V: requested turbo4, in effect turbo4 (as requested), 8.500 bits per value, heads padded from 64 to 128
	//     the first 4 and the last 32 rows stay in f16, older ones are packed 8 at a time
	//   1632 bytes per packed token, 9.145 bits per value with exact rows and offsets in a context of 512
}
