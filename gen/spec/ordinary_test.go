package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestCodesFit: the codes of published encoders are proven to fit 4 bits without a clamp, and of
// each a neighbour that does not fit is refused.
func TestCodesFit(t *testing.T) {
	for _, c := range []struct{ first, fits, beyond string }{
		{"m = extremum(x)\n d = m / -8", "min(15, trunc(x*inv(d) + 8.5))", "trunc(x*inv(d) + 8.5)"},
		{"m = extremum(x)\n d = m / -8", "clamp(rint(x*inv(d)) + 8, 0, 15)", "min(16, rint(x*inv(d)) + 8)"},
		{"m = min(x)\n d = (max(x) - m) / 15", "trunc((x - m)*inv(d) + 0.5)", "trunc((x - m)*inv(d) + 1)"},
		{"m = max(x)\n d = (m - min(x)) / 15", "round((x - min(x)) / d)", "round((x - m) / d)"},
		{"m = absmax(x, 8)\n d = max(m) / 15", "rint(m*inv(d))", "rint(m*inv(d)) + 1"},
		{"m = absmax(x)\n d = m / 7", "rint(x/d) + 8", "rint(x/d) - 8"},
		{"m = absmax(x)\n d = f16(m / 7)", "rint(x*inv(d)) + 8", "trunc(x*inv(d)*1.2) + 8"},
		{"m = absmax(x)\n d = f16(m / 7.5)", "trunc(abs(x)*inv(d)*2 + 0.25)", "trunc(abs(x)*inv(d)*2 + 0.999)"},
		{"m = abs(x)\n d = max(m) / 15", "rint(m*inv(d))", "rint(m*inv(d)) + 1"},
		{"m = absmax(x)\n d = e8m0(m)", "trunc(x*inv(d)*3.5 + 8)", "trunc(x*inv(d)*4 + 8)"},
		{"m = absmax(x)\n d = m > 1e-10 ? m/15 : 0", "rint(abs(x) * (m > 1e-10 ? 15/m : 0))", "rint(abs(x) * (m > 1e-10 ? 17/m : 0))"},
		{"m = absmax(x)\n d = m / 15", "rint(min(abs(x)*inv(d), 15.0))", "rint(max(abs(x)*inv(d), 16.0))"},
		{"m = clamp(x, -1, 1)\n d = absmax(m)", "rint(m*7 + 7)", "rint(m*8 + 8)"},
		{"m = x\n d = sqrt(sum(x*x))", "rint(clamp(m*inv(d)*8 + 8, 0.0, 15.0))", "rint(min(m*inv(d)*8 + 8, 15.0))"},
		{"m = x\n d = absmax(m)", "m < 0 ? 0 : m < 0.5*d ? 7 : 15", "m < 0 ? 0 : m < 0.5*d ? 7 : 16"},
	} {
		for code, want := range map[string]bool{c.fits: true, c.beyond: false} {
			text := fmt.Sprintf(`type "t" {
  use = [kv]
  block = 32
  layout = [f16("d"), f16("m2"), u8("q", 16)]
  code = bits(q, 4*i, 4)
  value = d * code
  encode {
    %s
    m2 = absmax(x*m)
    code = %s
  }
}
`, c.first, code)
			_, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
			if want && err != nil {
				t.Errorf("%s, %s: %v", c.first, code, err)
			} else if !want && (err == nil || !strings.Contains(err.Error(), "[code-fit]")) {
				t.Errorf("%s, %s: %v, want it refused", c.first, code, err)
			}
		}
	}
}
