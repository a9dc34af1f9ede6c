package interp_test

import (
	"fmt"
	"log"
	"os"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
)

// A type is encoded and decoded by its text alone; no kernel has to be generated for it.
func ExampleFormat() {
	set, err := spec.Load(os.DirFS("../../kernels/spec"))
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range set.Types {
		if t.Name != "q8_0" {
			continue
		}
		x := make([]float32, t.Block)
		x[0], x[1], x[2] = 1, -3, 127
		packed, y := make([]byte, t.Bytes), make([]float32, t.Block)
		f := interp.Format(t)
		f.Encode(packed, x)
		f.Decode(y, packed)
		fmt.Println(t.Bytes, "bytes:", y[:4])
	}
	// Output: 34 bytes: [1 -3 127 0]
}
