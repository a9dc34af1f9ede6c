package ref

import (
	_ "embed"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

//go:embed testdata/blocks.txt
var goldenBlocks string

// TestDecodeBlocks decodes random blocks to the bits that an independent implementation gives.
func TestDecodeBlocks(t *testing.T) {
	checked := map[string]bool{"f32": true, "f16": true} // TestHalves has these
	for line := range strings.Lines(goldenBlocks) {
		field := strings.Fields(line)
		if field[0] == "#" {
			continue
		}
		f, ok := ByName(field[0])
		if !ok {
			t.Fatalf("no format %s", field[0])
		}
		b, want := unhex(t, field[1]), unhex(t, field[2])
		if len(b) != f.Bytes || len(want) != 4*f.Block {
			t.Fatalf("%s: %d bytes for %d values, format has %d for %d", f.Name, len(b), len(want)/4, f.Bytes, f.Block)
		}
		got := make([]float32, f.Block)
		f.Decode(got, b)
		for i, v := range got {
			if w := getF32(want[4*i:]); math.Float32bits(v) != math.Float32bits(w) {
				t.Fatalf("%s, element %d: got %g, want %g", f.Name, i, v, w)
			}
		}
		checked[f.Name] = true
	}
	for _, f := range Formats() {
		if f.Rotation.Size == 0 && !checked[f.Name] {
			t.Errorf("%s: no block in blocks.txt", f.Name)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
