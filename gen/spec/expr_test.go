package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// head declares enough for an expression over d, m, code and sc to be read.
const head = `
  block    = 32
  layout   = [f16("d"), f16("m"), u8("qs", 16), u8("ss", 2)]
  codebook = [-2, -1, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
  code     = bits(qs, 4*i, 4)
  sc       = bits(ss, 8*(i/16), 8)
`

// TestValue shows how value is resolved: conversions, folding, shapes and runs.
func TestValue(t *testing.T) {
	for _, c := range []struct{ in, kind, out string }{
		{"d * (code - 8)", "float vector/1", "(d * float((code - 8)))"},
		{"d * 8", "float scalar/32", "(d * 8.0)"},
		{"d*sc - m", "float vector/16", "((d * float(sc)) - m)"},
		{"d * (2*0.5)", "float scalar/32", "(d * 1.0)"},
		{"d / -8", "float scalar/32", "(d / -8.0)"},
		{"-d", "float scalar/32", "-d"},
		{"i < 16 ? d : m", "float vector/16", "(index[1*16 0*16] ? d : m)"},
		{"i < 32 ? d : nothing", "float scalar/32", "d"},
		{"d * (i/8)", "float vector/8", "(d * float(index[0*8 1*8 2*8 3*8]))"},
		{"d * (7/2)", "float scalar/32", "(d * 3.0)"},
		{"d * (7/2.0)", "float scalar/32", "(d * 3.5)"},
		{"d * pow(2, 3) * block", "float scalar/32", "((d * 8.0) * 32.0)"},
		{"d * 0.1", "float scalar/32", "(d * 0.1)"},
		{"d * 16777217.0", "float scalar/32", "(d * 1.6777216e+07)"},
		{"d * codebook[code] * codebook[2]", "float vector/1", "((d * codebook[code]) * 0.5)"},
		{"codebook[clamp(sc - 3, 0, 15)]", "float vector/16", "codebook[clamp((sc - 3), 0, 15)]"},
		{"min(d, code)", "float vector/1", "min(d, float(code))"},
		{"min(15, sc)", "float vector/16", "float(min(15, sc))"},
		{"d > m && !(code == 0) ? d : 0", "float vector/1", "(((d > m) && !(code == 0)) ? d : 0.0)"},
		{"sum(d*code, 8)", "float vector/8", "sum((d * float(code)), 8)"},
		{"max(d*code, 8)", "float vector/8", "max((d * float(code)), 8)"},
		{"max(d*code, 8.0)", "float vector/1", "max((d * float(code)), 8.0)"},
		{"absmax(d*code)", "float scalar/32", "absmax((d * float(code)))"},
		{"float(rint(d*code)) + sc%2", "float vector/1", "(float(rint((d * float(code)))) + float((sc % 2)))"},
		{"w(d*code)", "float vector/1", "transform<w>((d * float(code)))"},
		{"inverse(w, d*code)", "float vector/1", "inverse<w>((d * float(code)))"},
	} {
		x, err := valueOf(c.in)
		if err != nil {
			t.Errorf("%s:\n%v", c.in, err)
			continue
		}
		if got := spec.Text(x, func(s string) string { return s }); got != c.out {
			t.Errorf("%s: %s, want %s", c.in, got, c.out)
		}
		if got := spec.Describe(x); got != c.kind {
			t.Errorf("%s: a %s, want %s", c.in, got, c.kind)
		}
	}
}

// valueOf reads an expression as the value of a type. A sum around it names everything, so that
// nothing is unused; the expression is its left side.
func valueOf(in string) (spec.Expr, error) {
	text := "transform \"w\" {\n kind = wht\n size = 16\n left = signs(\"golden\")\n}\n" +
		"type \"t\" {" + head + "  value = (" + in + ") + (d + m + code + sc)*0\n}\n"
	set, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
	if err != nil {
		return nil, err
	}
	return set.Types[0].Value.(*spec.Binary).X, nil
}

// TestIndexOperators goes through every operator on integers that the text gives, and on
// conditions.
func TestIndexOperators(t *testing.T) {
	truth := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	integers := map[string]func(x, y int) int{
		"+": func(x, y int) int { return x + y }, "-": func(x, y int) int { return x - y }, "*": func(x, y int) int { return x * y },
		"/": func(x, y int) int { return x / y }, "%": func(x, y int) int { return x % y },
		"<": func(x, y int) int { return truth(x < y) }, "<=": func(x, y int) int { return truth(x <= y) },
		">": func(x, y int) int { return truth(x > y) }, ">=": func(x, y int) int { return truth(x >= y) },
		"==": func(x, y int) int { return truth(x == y) }, "!=": func(x, y int) int { return truth(x != y) },
		"&&": func(x, y int) int { return truth(x > 4 && y > 4) }, "||": func(x, y int) int { return truth(x > 4 || y > 4) },
	}
	for op, f := range integers {
		for _, x := range []int{1, 4, 5, 7} {
			for _, y := range []int{1, 4, 5, 7} {
				expression := fmt.Sprintf("%d %s %d", x, op, y)
				switch op {
				case "&&", "||":
					expression = fmt.Sprintf("%d > 4 %s %d > 4 ? 1 : 0", x, op, y)
				case "<", "<=", ">", ">=", "==", "!=":
					expression += " ? 1 : 0"
				}
				v, err := valueOf("d * (" + expression + ")")
				if err != nil {
					t.Fatalf("%s: %v", expression, err)
				}
				if got, want := spec.Text(v, func(s string) string { return s }), fmt.Sprintf("(d * %d.0)", f(x, y)); got != want {
					t.Errorf("%s: %s, want %s", expression, got, want)
				}
			}
		}
	}
}

// TestUndeclaredTile: a rotation makes its transform when no file declares one without signs, under
// a name that is free.
func TestUndeclaredTile(t *testing.T) {
	set, err := spec.Parse(map[string][]byte{"r.hcl": []byte(
		"transform \"Hadamard64\" {\n kind = wht\n size = 64\n left = signs(\"golden\")\n}\n" +
			"rotation \"a\" {\n tile = 64\n}\nrotation \"b\" {\n tile = 64\n}\n")})
	if err != nil {
		t.Fatal(err)
	}
	tile := set.Rotations[0].Tile
	if len(set.Transforms) != 2 || tile.Name != "hadamard64_" || tile != set.Rotations[1].Tile || tile.Norm != 0.125 {
		t.Errorf("%d transforms, tile %+v", len(set.Transforms), tile)
	}
}

// TestUnused: bits without a meaning are listed, and belong to no code.
func TestUnused(t *testing.T) {
	set, err := spec.Parse(map[string][]byte{"t.hcl": []byte(`type "t" {
  block  = 16
  layout = [f16("d"), u8("qs", 7)]
  code   = bits(qs, 3*i, 3)
  unused = [bits(qs, 48, 4), bits(qs, 52, 4)]
  value  = d * code
}
`)})
	if err != nil {
		t.Fatal(err)
	}
	if u := set.Types[0].Unused; len(u) != 2 || u[1].Bit != 16+52 || u[1].Width != 4 {
		t.Errorf("unused %+v", u)
	}
	if p := set.Types[0].Codes[0].Parts[5]; len(p) != 1 || p[0].Bit != 16+15 || p[0].Width != 3 {
		t.Errorf("code 5 %+v", p)
	}
}

// TestIdentity: the hash depends on bytes and their meaning alone.
func TestIdentity(t *testing.T) {
	const text = `type "t" {
  summary = "one"
  block   = 32
  layout  = [f16("d"), u8("qs", 16)]
  code    = bits(qs, 4*i, 4)
  value   = d * (code - 8)
  encode {
    m    = extremum(x)
    d    = m / -8
    code = min(15, trunc(x*inv(d) + 8.5))
  }
}
`
	identity := func(replace ...string) string {
		t.Helper()
		set, err := spec.Parse(map[string][]byte{"t.hcl": []byte(strings.NewReplacer(replace...).Replace(text))})
		if err != nil {
			t.Fatal(err)
		}
		return set.Types[0].Identity
	}
	first := identity()
	for _, same := range [][]string{
		{"summary = \"one\"", "id = 7 # a comment"},
		{"\"t\"", "\"u\""},
		{"qs", "nibbles"},
		{"m ", "most ", "m / -8", "most / -8"},
		{"4*i", "8*(i/2) + 4*(i%2)"},
		{"m / -8", "m / (-4 - 4.0)"},
	} {
		if identity(same...) != first {
			t.Errorf("%v changes the identity", same)
		}
	}
	for _, other := range [][]string{
		{"8.5", "8.25"},
		{"4*i", "4*(31 - i)"},
		{"code - 8", "code - 7"},
		{"inv(d)", "inv(m / -8)"},
		{"extremum", "absmax"},
		{"f16(\"d\")", "bf16(\"d\")"},
	} {
		if identity(other...) == first {
			t.Errorf("%v keeps the identity", other)
		}
	}
}

// TestIdentityOfTransforms: what value applies is part of the meaning, by its effect and not by its
// name.
func TestIdentityOfTransforms(t *testing.T) {
	const text = `transform "a" {
  kind = wht
  size = 16
}
transform "b" {
  kind = wht
  size = 16
  left = signs("golden")
}
transform "c" {
  kind = wht
  size = 16
}
type "t" {
  block  = 32
  layout = [f16("d"), u8("q", 16)]
  code   = bits(q, 4*i, 4)
  value  = d * VALUE
}
`
	seen := map[string]string{}
	for _, c := range []struct{ value, like string }{
		{"a(code)", ""}, {"b(code)", ""}, {"c(code)", "a(code)"}, {"inverse(b, code)", ""}, {"a(b(code))", ""}, {"b(a(code))", ""}, {"b(c(code))", "b(a(code))"},
	} {
		set, err := spec.Parse(map[string][]byte{"t.hcl": []byte(strings.Replace(text, "VALUE", c.value, 1))})
		if err != nil {
			t.Fatal(err)
		}
		id := set.Types[0].Identity
		if seen[id] != c.like {
			t.Errorf("%s has the identity of %q, want that of %q", c.value, seen[id], c.like)
		}
		if seen[id] == "" {
			seen[id] = c.value
		}
	}
}

// TestSigns compares the generators with the published sign vectors: bit i of word w is set where
// element 32w+i is -1.
func TestSigns(t *testing.T) {
	for _, x := range load(t).Transforms {
		switch x.Name {
		case "turbo_wht128":
			wantMask(t, x.Left, 0xE46A0359, 0x42F85949, 0xA4C63BBB, 0x49F250A9)
			wantMask(t, x.Right, 0x16ACEE90, 0x3F628FDC, 0xB7A5357A, 0xBEA56562)
			if x.Norm != 0.08838834764831845 {
				t.Errorf("norm %v", x.Norm)
			}
		case "tq_wht32":
			wantMask(t, x.Left, 0x696B4B4A)
			if x.Right != nil {
				t.Error("tq_wht32 has signs on the right")
			}
		}
	}
}

func wantMask(t *testing.T, signs []float32, words ...uint32) {
	t.Helper()
	for i, s := range signs {
		if negative := words[i/32]>>(i%32)&1 == 1; s != 1 && s != -1 || negative != (s < 0) {
			t.Errorf("sign %d of %d is %v", i, len(signs), s)
		}
	}
}
