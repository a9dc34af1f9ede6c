package spec_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestHostile: text of the greatest size that asks for depth, width or time is refused, or read,
// soon.
func TestHostile(t *testing.T) {
	inType := func(attr string) string {
		return "type \"t\" {\n  block = 1024\n  layout = [f16(\"d\"), u8(\"qs\", 1024)]\n  code = bits(qs, 8*i, 8)\n  value = d*code\n" + attr + "}\n"
	}
	repeat := strings.Repeat
	var numbered strings.Builder
	for k := range 60 {
		fmt.Fprintf(&numbered, "  c%d = bits(qs, %s0, 8)\n", k, repeat("i + 0*", 120))
	}
	family := "family \"f\" {\n  over {\n    n = [" + repeat("32, ", 63) + "32]\n    m = [1]\n  }\n  name = \"f${n}\"\n  block = n\n" +
		"  layout = [f16(\"d\"), u8(\"qs\", n)]\n  codebook = int8(lloyd_max(100, sphere(n)))\n  code = bits(qs, 8*i, 8)\n  value = d*code\n}\n"
	for name, text := range map[string]string{
		"not":         inType("  pad = " + repeat("!", 20_000) + "true\n"),
		"minus":       inType("  id = " + repeat("-", 20_000) + "1\n"),
		"conditional": inType("  x1 = " + repeat("i > 0 ? ", 5_000) + "0" + repeat(" : 0", 5_000) + "\n"),
		"chain":       inType("  x1 = " + repeat("i > 0 ? 0 : ", 5_000) + "0\n"),
		"sum":         inType("  x1 = bits(qs, 0, 1)" + repeat(" + i", 15_000) + "\n"),
		"template":    inType("  summary = " + repeat("\"${", 10_000) + "1" + repeat("}\"", 10_000) + "\n"),
		"heredoc":     inType("  summary = <<A\n" + repeat("${", 20_000) + "\nA\n"),
		"codes":       inType(numbered.String()),
		"family":      family,
		"blocks":      repeat("type \"t\" {\n}\n", 5_000),
		"transforms":  repeat("transform \"t\" {\n kind = wht\n size = 512\n left = signs(\"pcg64\", 1, 65535)\n}\n", 800),
		"list":        inType("  codebook = [" + repeat("1,", 30_000) + "1]\n"),
		"traversal":   inType("  x1 = bits(qs" + repeat("[0]", 20_000) + ", 0, 8)\n"),
		"splat":       inType("  x1 = bits(qs" + repeat("[*]", 20_000) + ", 0, 8)\n"),
		"number":      inType("  id = 1e" + repeat("9", 60_000) + "\n"),
		"points":      inType("  t = points(2, [1, 2], \"" + repeat("01", 30_000) + "\")\n"),
		"keys":        inType("  t = [1, 2]\n  y = t" + repeat("[0]", 20_000) + "\n"),
		"tables":      inType("  t = [" + repeat("[1, 2], ", 7_000) + "[1]]\n"),
		"digits":      inType("  id = " + repeat("9", 60_000) + "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)})
			if err == nil {
				t.Error("accepted")
			} else if n := len(err.Error()); n > 1<<20 {
				t.Errorf("%d bytes of error text", n)
			}
			// far above what any takes, for slow machines
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestChains: forty statements, each of which reads the one before several times, are read in no
// time. The last is looked up, so that it has to be bounded.
func TestChains(t *testing.T) {
	for _, step := range []string{
		"clamp(V, V, V)", "x > K ? V : V", "min(V, V)", "max(min(V, V), min(V, V))", "V > K ? V : V - V + V", "V + V - V", "V * V % 3 + V - V",
		"V / (V + 1) + V % 4", "abs(V) - abs(V) + V", "-V + V + V", "V < 2 && V > 0 || V == 1 ? V : V",
	} {
		t.Run(step, func(t *testing.T) {
			var statements strings.Builder
			for k := range 40 {
				v := fmt.Sprintf("v%d", k)
				fmt.Fprintf(&statements, "    v%d = clamp(%s, 0, 3)\n", k+1, strings.NewReplacer("V", v, "K", strconv.Itoa(k)).Replace(step))
			}
			text := "type \"t\" {\n block = 32\n layout = [f16(\"d\"), u8(\"q\", 8)]\n codebook = [0, 1, 2, 3]\n code = bits(q, 2*i, 2)\n" +
				" value = d*codebook[code]\n encode {\n    d = absmax(x)\n    v0 = clamp(rint(x*d), 0, 3)\n" + statements.String() +
				"    w = codebook[v40]\n    code = clamp(rint(w), 0, 3)\n }\n}\n"
			start := time.Now()
			if _, err := spec.Parse(map[string][]byte{"t.hcl": []byte(text)}); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestHostileText: what is printed of a hostile file is short and has nothing in it that a terminal
// acts on.
func TestHostileText(t *testing.T) {
	for name, text := range map[string]string{
		"nul":    strings.Repeat("\x00", 60_000),
		"escape": "type \"\x1b[31mred\" {\n  block = \x1b[2J 32\n}\n",
		"bytes":  "type \"t\" {\n  block = \xff\xfe\x9b31m\n}\n",
		"name":   "type \"a\x07b\" {\n  \u202eblock = 32\n}\n",
		"unfit":  "type \"t\" {\n  block = 32\n  summary = \"\x1b]0;title\x07\"\n}\n",
	} {
		_, err := spec.Parse(map[string][]byte{"a\n\x1b[0m.hcl": []byte(text)})
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, c := range err.Error() {
			if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
				t.Errorf("%s: %q in %q", name, c, err)
				break
			}
		}
		if n := len(err.Error()); n > 8<<10 {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}
