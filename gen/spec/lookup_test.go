package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestLookupsProven: what arithmetic keeps inside a codebook of 64 levels needs no clamp, and one
// step more is refused. Four is a code of 4 bits, one of 1 bit, six of 6 bits, signed of -8 to 7.
func TestLookupsProven(t *testing.T) {
	levels := strings.Repeat("0, ", 63) + "1"
	for _, c := range []struct{ inside, beyond string }{
		{"four + 16*one", "four + 49*one"},
		{"six % 64", "six % 32 + 33"},
		{"4*four + i%4", "4*four + i%5"},
		{"six", "six + 1"},
		{"63 - six", "62 - six"},
		{"signed + 8", "signed"},
		{"(signed + 8) * 4 + one", "(signed + 8) * 5"},
		{"four * four / 4", "four * four / 3"},
		{"abs(signed)", "-abs(signed)"},
		{"max(signed, 0)", "max(signed, -1)"},
		{"max(0, signed)", "max(-1, signed)"},
		{"min(2*six, 63)", "min(2*six, 64)"},
		{"min(63, 2*six)", "min(64, 2*six)"},
		{"clamp(signed*100, 0, 63)", "clamp(signed*100, -1, 63)"},
		{"clamp(six*100, 0, 63)", "clamp(six*100, 0, 64)"},
		{"clamp(six, one, 63)", "clamp(six + one, one, 64)"},
		{"one == 1 ? six : four", "one == 1 ? six : signed"},
		{"2*six > 63 ? 0 : six", "six > 63 ? 64 : six + 1"},
		{"signed % 8 + 7", "signed % 8 + 6"},
		{"-(signed - 7)", "-(signed - 6)"},
		{"(six + 1) / 2", "(six + 1) * 2 / 2"},
		{"six / (one + 1)", "six / (signed / 9)  - 1"},
	} {
		for index, want := range map[string]bool{c.inside: true, c.beyond: false} {
			text := fmt.Sprintf(`type "t" {
  block = 32
  layout = [f16("d"), u8("q", 60)]
  codebook = [%s]
  four = bits(q, 4*i, 4)
  one = bits(q, 128 + i, 1)
  six = bits(q, 160 + 6*i, 6)
  signed = sbits(q, 352 + 4*i, 4)
  value = d * (codebook[%s] + 0*(four + one + six + signed))
}
`, levels, index)
			_, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
			if want && err != nil {
				t.Errorf("%s: %v", index, err)
			} else if !want && (err == nil || !strings.Contains(err.Error(), "[lookup]")) {
				t.Errorf("%s: %v, want it refused", index, err)
			}
		}
	}
}
