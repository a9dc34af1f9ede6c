package cuda

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/internal/arith"
)

// formula renders arithmetic in i.
func formula(a arith.Sum) string {
	var terms []string
	if a.Base != 0 || a.Constant() {
		terms = append(terms, fmt.Sprint(a.Base))
	}
	for _, d := range a.Digits {
		v := "i"
		if d.Unit > 1 {
			v += fmt.Sprintf(" / %d", d.Unit)
		}
		if d.Unit*d.Size < a.N {
			v += fmt.Sprintf(" %% %d", d.Size)
		}
		switch {
		case d.Step == 1:
		case v == "i":
			v = fmt.Sprintf("%d * i", d.Step)
		default:
			v = fmt.Sprintf("%d * (%s)", d.Step, v)
		}
		terms = append(terms, v)
	}
	return strings.Join(terms, " + ")
}

// perIndex is an integer that depends on i alone: arithmetic, or an entry of a table that it declares.
func (f *function) perIndex(base string, values []int) string {
	if a, ok := arith.Fit(values); ok {
		return formula(a)
	}
	return f.types.table(base, "int", len(values), func(k int) string { return fmt.Sprint(values[k]) }) + "[i]"
}

// stretch is a range of i over which the parts of a code have the same widths and shifts.
type stretch struct{ lo, hi int }

func stretches(c *spec.Code) (all []stretch) {
	same := func(a, b []spec.Part) bool {
		return slices.EqualFunc(a, b, func(p, q spec.Part) bool { return p.Width == q.Width && p.Shift == q.Shift })
	}
	for i := range c.Parts {
		if i == 0 || !same(c.Parts[i], c.Parts[i-1]) {
			all = append(all, stretch{lo: i})
		}
		all[len(all)-1].hi = i + 1
	}
	return all
}

// places are the bit positions of part k for every i; outside the stretch they repeat its first, so that arithmetic stays simple.
func places(c *spec.Code, s stretch, k int) []int {
	bits := make([]int, len(c.Parts))
	for i := range bits {
		bits[i] = c.Parts[min(max(i, s.lo), s.hi-1)][k].Bit
	}
	if s.lo > 0 || s.hi < len(bits) { // continue the arithmetic of the stretch instead, where it has one
		if a, ok := arith.Fit(bits[s.lo:s.hi]); ok && len(a.Digits) == 1 && a.Digits[0].Unit == 1 && a.Digits[0].Size == a.N {
			for i := range bits {
				bits[i] = a.Base + a.Digits[0].Step*(i-s.lo)
			}
		}
	}
	return bits
}

// readCode writes the function that reads a code of value i from a block.
func (f *function) readCode(c *spec.Code, name string) {
	f.line("")
	f.line("// Code %q of value i: %d bits.", c.Name, c.Bits)
	f.open("static __device__ int %s(const unsigned char* b, int i)", name)
	all := stretches(c)
	for n, s := range all {
		var terms []string
		for k, p := range c.Parts[s.lo] {
			v := fmt.Sprintf("read_bits<%d>(b, %s)", p.Width, f.perIndex(name+"_bit", places(c, s, k)))
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
			f.line("if (i < %d) return %s;", s.hi, v)
		} else {
			f.line("return %s;", v)
		}
	}
	f.end("}")
}

// storeCode writes the loop that ors a code into the zeroed block; value is its vector.
func (f *function) storeCode(c *spec.Code, value string) {
	for _, s := range stretches(c) {
		conditions := []string{"is_held<block>(k, lane)"}
		if s.lo > 0 {
			conditions = append(conditions, fmt.Sprintf("i >= %d", s.lo))
		}
		if s.hi < len(c.Parts) {
			conditions = append(conditions, fmt.Sprintf("i < %d", s.hi))
		}
		if c.Group > 1 {
			conditions = append(conditions, fmt.Sprintf("i %% %d == 0", c.Group))
		}
		f.line("#pragma unroll")
		f.open("for (int k = 0; k < held_of(block); k++)")
		f.line("const int i = held_at<block>(k, lane);")
		f.line("if (!(%s)) continue;", strings.Join(conditions, " && "))
		for k, p := range c.Parts[s.lo] {
			shift := ""
			if p.Shift > 0 {
				shift = fmt.Sprintf(" >> %d", p.Shift)
			}
			f.line("put_bits<%d>(b, %s, %s%s);", p.Width, f.perIndex(c.Name+"_bit", places(c, s, k)), value, shift)
		}
		f.end("}")
	}
}
