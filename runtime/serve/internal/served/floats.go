package served

import (
	"encoding/binary"
	"math"
)

// floats is values as a tensor of f32 stores them.
func floats(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
