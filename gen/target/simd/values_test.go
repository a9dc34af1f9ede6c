package simd

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/ir"
)

// TestComment reads constants as a reader of the assembly would.
func TestComment(t *testing.T) {
	for _, c := range []struct {
		bytes, role string
		elem        ir.Elem
		want        string
	}{
		{"\x86\xa3\x00\x7a", "levels", ir.I8, "// c: int8 -122 -93 0 122\n"},
		{"\x0f\x0f\x0f\x0f", "mask", ir.I8, "// c: int8, 4 times 15\n"},
		{"\x00\x80\x0f\x01", "shuffle", ir.I8, "// c: bytes 0 - 15 1\n"},
		{"\x01\x00\xff\xff", "ones", ir.I16, "// c: int16 1 -1\n"},
		{"\xff\xff\xff\x7f\xfe\xff\xff\xff", "mask", ir.I32, "// c: int32 0x7fffffff -2\n"},
		{"\x00\x00\x80\xbf\x00\x00\x00\x3f", "factor", ir.F32, "// c: float32 -1 0.5\n"},
		{"\x00\x00\x00\x80\x00\x00\xc0\x7f", "flip", ir.F32, "// c: float32 0x80000000 0x7fc00000\n"},
	} {
		if got := comment("c", []byte(c.bytes), c.role, c.elem); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	for line := range strings.Lines(comment("long", []byte(strings.Repeat("\x01\x85", 99)), "levels", ir.I8)) {
		if len(line) > columns+1 || !strings.HasPrefix(line, "//") {
			t.Errorf("%q", line)
		}
	}
}
