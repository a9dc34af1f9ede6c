package ctext

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// text is a file being written in a dialect, indented by depth.
type text struct {
	strings.Builder
	*Dialect
	depth int
}

// line writes one line; without a format it is empty.
func (t *text) line(format string, args ...any) {
	if format != "" {
		t.WriteString(strings.Repeat("  ", t.depth))
		fmt.Fprintf(&t.Builder, format, args...)
	}
	t.WriteByte('\n')
}

// open writes a line that ends with a brace and indents what follows; end closes it.
func (t *text) open(format string, args ...any) {
	t.line(format+" {", args...)
	t.depth++
}

func (t *text) end(close string) {
	t.depth--
	t.line("%s", close)
}

// number is an f32 as a literal of C: the shortest decimal that rounds to it.
func number(f float32) string {
	switch {
	case f-f != 0 || f == 0 && math.Signbit(float64(f)):
		return fmt.Sprintf("as_float(0x%08xu)", math.Float32bits(f))
	case f == float32(int32(f)) && f > -1e6 && f < 1e6:
		return strconv.Itoa(int(f)) + ".0f"
	}
	s := strconv.FormatFloat(float64(f), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}

// nobody stands in front of a function that no program may use, and asserts so where it is used:
// size is never 0.
func (t *text) nobody() (head, size string) {
	if t.Never == "" {
		return "template <class Never = void> " + t.Function, "sizeof(Never*)"
	}
	return "template <class Never = " + t.Never + "> " + t.Function, "sizeof(Never)"
}

// unrolled writes a loop over the registers that hold a block, whose body is one statement.
func (t *text) unrolled(statement string) {
	t.line("%s", t.Unroll)
	t.line("for (int k = 0; k < held_of(block); k++) %s", statement)
}

// list renders n values in rows of perLine.
func (t *text) list(head string, n, perLine int, value func(k int) string) {
	t.open("%s =", head)
	for k := 0; k < n; k += perLine {
		var row []string
		for j := k; j < min(k+perLine, n); j++ {
			row = append(row, value(j))
		}
		t.line("%s,", strings.Join(row, ", "))
	}
	t.end("};")
}

// taken are the words that a local of a generated function cannot be called: those of C++, and
// what the functions use themselves.
var taken = strings.Fields(`alignas alignof and asm auto bool break case catch char class compl const constexpr continue decltype default
	delete do double else enum explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not
	nullptr operator or private protected public register return short signed sizeof static struct switch template this throw true try
	typedef typename union unsigned using virtual void volatile wchar_t while xor
	b x i j k lane scratch block bytes bits form run level scale least value code encode lookup put put_bits read_bits forward inverse
	arrays as_float as_bits choose nearest wht prmt warp_sync own tables n m so_far held_of held_at is_held looked_up nearest_held put_addend
	sum_in_order fold_in_order Tables lesser greater farther clamp magnitude reciprocal sqrtf floorf trunc_int rint_int round_int quotient
	remainder read_bytes sign_extend each_of pick NULL threadIdx blockIdx blockDim gridDim warpSize
	to_f16 to_bf16 to_f32 to_e8m0 from_f16 from_bf16 from_f32 from_e8m0`)

// fresh returns a name like name that is not in use.
func fresh(used map[string]bool, name string) string {
	try := name
	for k := 2; used[try] || slices.Contains(taken, try); k++ {
		try = name + strconv.Itoa(k)
	}
	used[try] = true
	return try
}
