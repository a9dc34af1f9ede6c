package rows

import (
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
)

// UnpackOptions is what the kernel unpack depends on beside the side.
type UnpackOptions struct {
	Offset *rope.Pairing // of keys that have an offset
	Paged  bool          // cells are of several sequences
}

// unpackRoom is the bytes of shared memory of a block of unpack, which every GPU has.
const unpackRoom = 48 << 10

// UnpackWarps is the warps of a block of unpack, each of which has 32 rows in shared memory.
func UnpackWarps(s Side) int {
	return max(1, min(4, unpackRoom/(32*4*((s.Row()+7)/8*8+2))))
}

// UnpackSource is the program with the kernel unpack of one side, which makes rows of f16 of it.
func UnpackSource(d *gpu.Dialect, s Side, key bool, o UnpackOptions) (*gpu.Source, error) {
	pairing := rope.Pairing{Pairs: -1}
	if o.Offset != nil {
		pairing = *o.Offset
	}
	return source(d, s, key, "unpack", gpu.Define{Name: "OFFSET", Value: pairing.Pairs}, gpu.Define{Name: "ADJACENT", Value: pairing.Adjacent},
		gpu.Define{Name: "PAGED", Value: o.Paged}, gpu.Define{Name: "ROWS", Value: 1}, gpu.Define{Name: "WARPS", Value: UnpackWarps(s)})
}
