package ctext

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/internal/bits"
)

// formula is arithmetic in i, from lo on.
func formula(a bits.Sum, lo int) term {
	a, lo = a.From(lo)
	var terms []string
	if a.Base != 0 || a.Constant() {
		terms = append(terms, fmt.Sprint(a.Base))
	}
	for _, d := range a.Digits {
		v := "i"
		if lo > 0 {
			v = fmt.Sprintf("(i - %d)", lo)
		}
		bare := v
		if d.Unit > 1 {
			v += fmt.Sprintf(" / %d", d.Unit)
		}
		if d.Unit*d.Size < a.N {
			v += fmt.Sprintf(" %% %d", d.Size)
		}
		switch {
		case d.Step == 1:
		case v == bare:
			v = fmt.Sprintf("%d * %s", d.Step, v)
		default:
			v = fmt.Sprintf("%d * (%s)", d.Step, v)
		}
		terms = append(terms, v)
	}
	return term{strings.Join(terms, " + "), !a.Constant()}
}

// perIndex is an integer that depends on i alone: arithmetic, or an entry of a table that it
// declares.
func (f *function) perIndex(base string, values []int) term {
	if a, ok := bits.Fit(values); ok {
		return formula(a, 0)
	}
	return term{f.types.table(base, "int", len(values), func(k int) string { return fmt.Sprint(values[k]) }) + "[i]", true}
}

// place is the bit of part k for value i of a stretch of entries, each for group values.
func (f *function) place(base string, s bits.Stretch, k, group int) string {
	values := make([]int, 0, group*(s.Hi-s.Lo))
	for _, bit := range s.Parts[k].Bit {
		for range group {
			values = append(values, bit)
		}
	}
	lo := group * s.Lo
	if a, ok := bits.Fit(values); ok {
		return formula(a, lo).text
	}
	table := f.types.table(base, "int", len(values), func(k int) string { return fmt.Sprint(values[k]) })
	if lo > 0 {
		return fmt.Sprintf("%s[i - %d]", table, lo)
	}
	return table + "[i]"
}

// readCode writes the function that reads a code of value i from a block.
func (f *function) readCode(c *spec.Code, name string) {
	f.line("")
	f.line("// Code %q of value i: %d bits.", c.Name, c.Bits)
	f.open("%s int %s(%s b, int i)", f.reader(), name, f.Block)
	all := bits.Stretches(bits.Entries(c))
	for n, s := range all {
		var terms []string
		for k, p := range s.Parts {
			v := fmt.Sprintf("read_bits<%d>(b, %s)", p.Width, f.place(name+"_bit", s, k, c.Group))
			if p.Shift > 0 {
				v += fmt.Sprintf(" << %d", p.Shift)
			}
			terms = append(terms, v)
		}
		v := strings.Join(terms, " | ")
		if c.Signed {
			v = fmt.Sprintf("sign_extend<%d>(%s)", c.Bits, v)
		}
		if n < len(all)-1 {
			f.line("if (i < %d) return %s;", s.Hi*c.Group, v)
		} else {
			f.line("return %s;", v)
		}
	}
	f.end("}")
}

// storeCode writes the loop that ors a code into the zeroed block; value is its vector.
func (f *function) storeCode(c *spec.Code, value string) {
	all := bits.Entries(c)
	for _, s := range bits.Stretches(bits.Written(all)) {
		conditions := []string{"is_held<block>(k, lane)"}
		if s.Lo > 0 {
			conditions = append(conditions, fmt.Sprintf("i >= %d", s.Lo*c.Group))
		}
		if s.Hi < len(all) {
			conditions = append(conditions, fmt.Sprintf("i < %d", s.Hi*c.Group))
		}
		if c.Group > 1 {
			conditions = append(conditions, fmt.Sprintf("i %% %d == 0", c.Group))
		}
		f.line("%s", f.Unroll)
		f.open("for (int k = 0; k < held_of(block); k++)")
		f.line("const int i = held_at<block>(k, lane);")
		f.line("if (!(%s)) continue;", strings.Join(conditions, " && "))
		f.put(c.Name+"_bit", s, c.Group, value)
		f.end("}")
	}
}

// put writes the parts of value, a code in a stretch, into the words of a block.
func (f *function) put(base string, s bits.Stretch, group int, value string) {
	for k, p := range s.Parts {
		shift := ""
		if p.Shift > 0 {
			shift = fmt.Sprintf(" >> %d", p.Shift)
		}
		f.line("put_bits<%d>(b, %s, %s%s);", p.Width, f.place(base, s, k, group), value, shift)
	}
}
