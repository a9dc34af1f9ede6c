package kernels_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/ref"
)

// TestGolden holds every implementation to the published hashes, as kernels/ref/testdata/golden.txt
// explains them.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("ref/testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]float32{}
	for _, in := range ref.Inputs() {
		rows[in.Name] = in.Values
	}
	var name string
	compared := 0
	for line := range strings.Lines(string(text)) {
		field := strings.Fields(line)
		switch typ := kernels.Default().ByName(field[0]); {
		case field[0] == "input":
			name = field[1]
		case typ != nil && typ.Impls[0].Encode != nil:
			for _, impl := range typ.Impls {
				compared++
				t.Run(typ.Name+"/"+impl.ISA+"/"+name, func(t *testing.T) {
					checkGolden(t, typ, impl, rows[name], field)
				})
			}
		}
	}
	published := slices.ContainsFunc(ref.Formats(), func(f ref.Format) bool {
		typ := kernels.Default().ByName(f.Name)
		return typ != nil && typ.Impls[0].Encode != nil
	})
	if published && compared == 0 {
		t.Error("no hash was compared")
	}
}

func checkGolden(t *testing.T, typ *kernels.Type, impl kernels.Impl, x []float32, field []string) {
	b := bytes.Repeat([]byte{0x5A}, typ.RowBytes(len(x)))
	impl.Encode(b, x)
	if got := hex.EncodeToString(b[:16]); got != field[1] {
		t.Errorf("first bytes %s, want %s", got, field[1])
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != field[2] {
		t.Errorf("blocks: sha256 %x, want %s", sum, field[2])
	}
	y := make([]float32, len(x))
	impl.Decode(y, b)
	if got := hashFloats(y); got != field[3] {
		t.Errorf("decoded: sha256 %s, want %s", got, field[3])
	}
}

// hashFloats is the SHA-256 of little-endian float32, every NaN as 7FC00000.
func hashFloats(x []float32) string {
	var b []byte
	for _, v := range x {
		bits := math.Float32bits(v)
		if v != v {
			bits = 0x7FC00000
		}
		b = binary.LittleEndian.AppendUint32(b, bits)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
