package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestBoundsOutward refuses lookups of an index beyond the codebook that intervals prove where they
// are too narrow: of a float that no int32 holds, and of a square root that may be no number and is
// rounded up.
func TestBoundsOutward(t *testing.T) {
	for _, c := range []struct{ y, index string }{
		// 95
		{"x > 1.0 ? float(trunc(clamp(x, -3100000000.0, -3000000000.0))) : -3100000000.0", "trunc((y + 3100000000.0) / 10000000.0)"},
		// 11
		{"max(sqrt(clamp(x, -1.0, 2147483520.0)), 46340.9375)", "trunc((y - 46340.9375) * 940.0)"},
	} {
		text := fmt.Sprintf(`type "t" {
  use = [kv]
  block = 16
  layout = [f32("d"), u8("q", 16)]
  codebook = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
  code = bits(q, 8*i, 8)
  value = d * codebook[clamp(code, 0, 10)]
  encode {
    y = %s
    d = absmax(codebook[%s] * x)
    code = nearest(codebook, x)
  }
}
`, c.y, c.index)
		_, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
		if err == nil || !strings.Contains(err.Error(), "[lookup]") {
			t.Errorf("%s of %s: %v, want it refused", c.index, c.y, err)
		}
	}
}
