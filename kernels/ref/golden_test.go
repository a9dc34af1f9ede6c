package ref

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

//go:embed testdata/golden.txt
var golden string

// TestGolden compares every published hash: the inputs, the encoded blocks and what they decode to.
func TestGolden(t *testing.T) {
	inputs := Inputs()
	var in Input
	checked := 0
	for line := range strings.Lines(golden) {
		field := strings.Fields(line)
		switch {
		case field[0] == "#":
		case field[0] == "input":
			in, inputs = inputs[0], inputs[1:]
			if in.Name != field[1] {
				t.Fatalf("input %s where the list has %s", in.Name, field[1])
			}
			if got := hash(in.Values); got != field[2] {
				t.Errorf("input %s: sha256 %s, want %s", in.Name, got, field[2])
			}
		default:
			checked++
			t.Run(in.Name+"/"+field[0], func(t *testing.T) { checkGolden(t, in.Values, field) })
		}
	}
	if len(inputs) != 0 || checked != 55 {
		t.Errorf("%d rows checked and %d inputs left over, want 55 and 0", checked, len(inputs))
	}
}

func checkGolden(t *testing.T, x []float32, field []string) {
	f, ok := ByName(field[0])
	if !ok {
		t.Fatal("no such format")
	}
	b := bytes.Repeat([]byte{0xA5}, f.RowBytes(len(x))) // Encode may not rely on zeroed memory
	f.Encode(b, x)
	if got := hex.EncodeToString(b[:16]); got != field[1] {
		t.Errorf("first bytes %s, want %s", got, field[1])
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != field[2] {
		t.Errorf("blocks: sha256 %x, want %s", sum, field[2])
	}
	y := make([]float32, len(x))
	if strings.HasPrefix(f.Name, "tq") {
		f.Restore(y, b)
	} else {
		f.Decode(y, b)
	}
	if got := hash(y); got != field[3] {
		t.Errorf("decoded: sha256 %s, want %s", got, field[3])
	}
}

// hash is the SHA-256 of little-endian float32, every NaN as 7FC00000.
func hash(x []float32) string {
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
