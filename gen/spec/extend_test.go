package spec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestExtend reads a file on top of the project's own.
func TestExtend(t *testing.T) {
	base, err := spec.Load(os.DirFS("../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	types, transforms := len(base.Types), len(base.Transforms)
	text := `
transform "other" {
  kind = wht
  size = 16
  left = signs("golden")
}
rotation "plain16" { 
  tile = 16
}
type "u" {
  block  = 64
  domain = lm_wht64
  layout = [f16("d"), u8("qs", 32)]
  code   = bits(qs, 4*i, 4)
  value  = d * (code - 8)
  encode {
    v    = domain(x)
    d    = absmax(v) / 7
    code = clamp(rint(v*inv(d)), -7, 7) + 8
  }
}
`
	set, err := spec.Extend(base, map[string][]byte{"u.hcl": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Types) != 1 || set.Types[0].Name != "u" || len(set.Transforms) != 1 || len(set.Rotations) != 1 {
		t.Fatalf("%d types, %d transforms, %d rotations", len(set.Types), len(set.Transforms), len(set.Rotations))
	}
	found := false
	for _, b := range base.Transforms {
		found = found || set.Rotations[0].Tile == b
	}
	if !found || set.Types[0].Domain.Name != "lm_wht64" {
		t.Error("a transform of the base was made again")
	}
	if len(base.Types) != types || len(base.Transforms) != transforms {
		t.Error("the base has changed")
	}
	for _, taken := range []string{"lm4_64", "Q8_0"} {
		_, err := spec.Extend(base, map[string][]byte{"a.hcl": []byte(strings.Replace(text, `type "u"`, `type "`+taken+`"`, 1))})
		if err == nil || !strings.HasPrefix(err.Error(), "a.hcl:10:6: the type \""+taken+"\" is already declared at ") {
			t.Errorf("%s: %v", taken, err)
		}
	}
}
