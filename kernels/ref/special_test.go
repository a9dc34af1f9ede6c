package ref

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

// TestSpecialRows encodes one block of ones with a special value at element 3, or a block of
// nothing else, and compares bytes. An ellipsis repeats the byte before it to the end of the block.
func TestSpecialRows(t *testing.T) {
	nan, inf, tiny := float32(math.NaN()), float32(math.Inf(1)), float32(1e-40)
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name  string
		x     float32
		alone bool // every element is x
		want  string
	}{
		// No usable norm: codes of zero. A value of 1e-40 in 128 places has a norm that is not
		// above 1e-10.
		{"turbo2", negZero, true, "0000 aa..."},
		{"turbo2", tiny, true, "0000 aa..."},
		{"turbo3", negZero, true, "0000" + strings.Repeat("00", 32) + "ff..."},
		{"turbo4", tiny, true, "0000 0000 88..."},
		// The sum of squares overflows: norm infinite, codes as for zero.
		{"turbo2", 3e38, true, "007c aa..."},
		{"turbo4", 3e38, true, "007c 0000 88..."},
		{"turbo4", nan, false, "007e 0000 88..."},
		{"turbo4", -inf, false, "007c 0000 ff..."},
		{"turbo3", nan, true, "007e ff..."},
		// A NaN takes no part in the maximum and gets code 0, whatever value that stands for.
		{"q8_0", nan, false, "0820 7f7f7f 00 7f..."},
		{"q4_0", nan, true, "0080 00..."},
		// 1/d is 0, and infinity times 0 is NaN: code 0. The finite values are code 8, or 0 in
		// q8_0.
		{"q8_0", inf, false, "007c 00..."},
		{"q4_0", inf, false, "00fc 888888 80 88..."},
		// 1/d overflows for a subnormal d, which makes every product infinite and every code 0.
		{"q8_0", tiny, true, "0000 00..."},
		{"q4_0", tiny, true, "0080 00..."},
		{"q4_0", negZero, true, "0080 88..."},
		{"q4_1", negZero, true, "0000 0080 00..."},
		{"iq4_nl", negZero, true, "0000 88..."},
		{"iq4_nl", 1e-16, true, "0000 88..."},
		{"iq4_nl", nan, false, "0000 000000 0f 00..."},
		{"tq4_1s", negZero, true, "0000 0000 88..."},
	} {
		f, _ := ByName(c.name)
		x := Every(f.Block, f.Block, 3, c.x, 1)
		if c.alone {
			x = Every(f.Block, 1, 0, c.x, c.x)
		}
		b := make([]byte, f.Bytes)
		f.Encode(b, x)
		if want := ellipsis(c.want, f.Bytes); hex.EncodeToString(b) != want {
			t.Errorf("%s of %g: %x, want %s", c.name, c.x, b, want)
		}
	}
}

func ellipsis(s string, bytes int) string {
	s = strings.ReplaceAll(s, " ", "")
	if head, ok := strings.CutSuffix(s, "..."); ok {
		s = head + strings.Repeat(head[len(head)-2:], bytes-len(head)/2)
	}
	return s
}
