package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// TestList checks the tables by row, since what stands in some columns depends on targets and
// machine.
func TestList(t *testing.T) {
	dir := t.TempDir()
	text := `
type "pad" {
  block  = 32
  pad    = true
  layout = [f16("d"), u8("q", 32)]
  code   = sbits(q, 8*i, 8)
  value  = d * code
  encode {
    d    = absmax(x) / 127
    code = round(x * inv(d))
  }
}
type "guarded" {
  summary = "for whole heads"
  use     = [kv, weight]
  guard   = head_dim % 64 == 0
  block   = 32
  layout  = [f16("d"), u8("q", 16)]
  code    = bits(q, 4*i, 4)
  value   = d * code
  encode {
    d    = absmax(x) / 15
    code = clamp(round(x * inv(d)), 0, 15)
  }
}
type "odd" {
  block  = 20
  layout = [f16("d"), u8("q", 20)]
  code   = sbits(q, 8*i, 8)
  value  = d * code
}
rotation "tiles" {
  tile  = 16
  guard = quantised && head_dim % 16 == 0
}
`
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(&stdout, &stderr, []string{"list", "--spec", dir}); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	out := stdout.String()
	for _, row := range []string{
		`(?m)^pad +8\.5 +32 in 34 B +cache +any, padded to 32 +.*\bgeneric\b`,
		`(?m)^guarded +4\.5 +32 in 18 B +cache, weights +head_dim % 64 == 0 +.*\bgeneric +for whole heads$`,
		`(?m)^tiles +16 +quantised && head_dim % 16 == 0`,
		`(?m)^generic +any processor +(selected|fits; serves what those above lack)\n\n`,
		`(?m)^odd +decode, matmul +.*\bavx2\b.* +the block of 20 is no multiple of 8 lanes$`,
		`(?m)^odd +matmul on int8 +.*\bavx2\b.* +the block of 20 is no multiple of 32\n\z`,
	} {
		if !regexp.MustCompile(row).MatchString(out) {
			t.Errorf("no row like %s in\n%s", row, out)
		}
	}
	if n := len(regexp.MustCompile(`(?m) selected$`).FindAllString(out, -1)); n != 1 {
		t.Errorf("%d instruction sets are selected:\n%s", n, out)
	}
}

// TestRejected gives the reason for instruction sets that no machine, or not this one, has.
func TestRejected(t *testing.T) {
	other := "amd64"
	if runtime.GOARCH == other {
		other = "arm64"
	}
	for _, c := range []struct {
		isa  target.ISA
		want string
	}{
		{target.ISA{Name: "generic"}, ""},
		{target.ISA{Name: "foreign", Arch: other}, "for " + other},
		{target.ISA{Name: "future", Arch: runtime.GOARCH, Needs: []string{"NOSUCH"}}, "the CPU lacks NOSUCH"},
	} {
		if got := rejected(c.isa); got != c.want {
			t.Errorf("%s: %q, want %q", c.isa.Name, got, c.want)
		}
	}
}

// TestListMissing names what an instruction set lacks of the kernels that serve every type.
func TestListMissing(t *testing.T) {
	var out strings.Builder
	isas := []target.ISA{{Name: "small", Why: map[string]string{"wht128": "asm: f needs more than 8 registers of class 1: x", "QuantiseAct": "small has no operation divi"}}, {Name: "generic"}}
	if err := listMissing(&out, &spec.Set{}, isas); err != nil {
		t.Fatal(err)
	}
	const want = `
NOT AS VECTORS  KERNELS      INSTRUCTION SETS  WHY
every type      QuantiseAct  small             small has no operation divi
every type      wht128       small             a value needs more fields, masks and levels at once than the 8 vector registers hold
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
