package policy

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// TestCellsWithExtras spells extras in the name of a cell.
func TestCellsWithExtras(t *testing.T) {
	r := &Reader{Table: kernels.Default()}
	p, err := r.Policy("lm4_64+attn/q4_0@4+32")
	if err != nil || p.K.String() != "lm4_64+attn" || p.V.String() != "q4_0" || p.Ends.First != 4 || p.Ends.Last != 32 {
		t.Errorf("%v %v %+v, %v", p.K, p.V, p.Ends, err)
	}
	for _, bad := range []string{"q4_0@4", "q4_0@4+", "q4_0@4+3x", "q4_0@a+b"} {
		if _, err := r.Policy(bad); err == nil || !strings.Contains(err.Error(), "want first+last") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for bad, says := range map[string]string{
		"q9_0":                             `no cache type "q9_0" (did you mean`,
		"q8_0/":                            `no cache type ""`,
		"q8_0:both":                        "want one of off k v kv",
		"q8_0+attn:k":                      "a rotation is named twice",
		"q8_0+spin":                        `no rotation "spin"`,
		"q8_0-" + strings.Repeat("x", 300): "file name too long",
	} {
		if _, err := r.Policy(bad); err == nil || !strings.Contains(err.Error(), says) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v, want %s", bad, err, says)
		}
	}
}
