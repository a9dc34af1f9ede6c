package lower

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/kernels/abi"
)

// TestSignedGemm multiplies records of signed levels on a machine that takes them as they are and
// on one that takes magnitudes and signs apart: the sums are the same, and those of plain loops.
func TestSignedGemm(t *testing.T) {
	const groups = 3
	r := rand.New(rand.NewPCG(5, 6))
	p := Panel{Signed: true, Bytes: abi.RecordBytes(true)}
	w := make([]byte, gemmRows*groups*p.Bytes)
	x := make([]byte, groups*abi.PanelBytes)
	want := make([]float32, gemmRows*abi.ActPanel)
	for g := range groups {
		record := x[g*abi.PanelBytes:]
		for i := range abi.PanelScale - abi.PanelQuants {
			record[abi.PanelQuants+i] = byte(r.IntN(255) - 127)
		}
		for i := abi.PanelScale; i < abi.PanelBytes; i += 4 {
			binary.LittleEndian.PutUint32(record[i:], math.Float32bits(1))
		}
		for row := range gemmRows {
			levels := w[(row*groups+g)*p.Bytes:]
			for i := range chunk {
				level := r.IntN(256) - 128
				levels[i], levels[abi.RecordSigned+i] = byte(max(level, -level)), byte(level)
				for token := range abi.ActPanel {
					quant := int8(record[abi.PanelQuants+i/4*4*abi.ActPanel+4*token+i%4])
					want[row*abi.ActPanel+token] += float32(level * int(quant))
				}
			}
			for i := range 2 {
				binary.LittleEndian.PutUint32(levels[abi.RecordScale+4*i:], math.Float32bits(1))
			}
		}
	}
	var expected []byte
	for _, v := range want {
		expected = binary.LittleEndian.AppendUint32(expected, math.Float32bits(v))
	}
	for _, signed := range []bool{false, true} {
		f := Gemm(p, Caps{Registers: 16, Dot4: true, SignedDot: signed, Chains: 4}, "gemm")
		if err := ir.Verify(f); err != nil {
			t.Fatal(err)
		}
		out := make([]byte, len(expected))
		if err := ir.Eval(f, ir.Memory(out), ir.Memory(w), ir.Int(groups*p.Bytes), ir.Memory(x), ir.Int(gemmRows), ir.Int(groups)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, expected) {
			t.Errorf("signed %v: other sums than those of plain loops", signed)
		}
	}
}
