package arm64

import (
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/asm"
)

// TestFeatures goes through words and instructions of the assembler.
func TestFeatures(t *testing.T) {
	for _, c := range []struct {
		in    asm.Line
		want  string
		known bool
	}{
		{asm.Line{Op: "VFMLA", Args: []string{"V0.S4", "V1.S4", "V2.S4"}}, "", true},
		{asm.Line{Op: "FMOVQ", Args: []string{"(R0)", "F1"}}, "", true},
		{asm.Line{Op: "BGE", Args: []string{"loop1"}}, "", true},
		{lineOf(t, "$0x4e20d400"), "", true},
		{lineOf(t, "$0x4e809400"), "ASIMDDP", true},
		{asm.Line{Op: "VSHA1C"}, "", false},
	} {
		got, known := Rules.Features(c.in)
		if want := slices.DeleteFunc([]string{c.want}, func(s string) bool { return s == "" }); known != c.known || !slices.Equal(got, want) {
			t.Errorf("%v: %v, %v; want %v, %v", c.in, got, known, want, c.known)
		}
	}
}

func lineOf(t *testing.T, word string) asm.Line {
	t.Helper()
	in, _, ok := Rules.Word(word)
	if !ok {
		t.Fatalf("%s is not in the table", word)
	}
	return in
}

// TestWords reads words back: their text, registers and memory as Go writes them.
func TestWords(t *testing.T) {
	for word, want := range map[string]string{
		"$0x4e809441": "sdot v1.4s, v2.16b, v0.16b | sdot F1; F2; F0",
		"$0x7d402510": "ldr h16, [x8, #18] | ldr F16; 18(R8)",
		"$0x7d400012": "ldr h18, [x0] | ldr F18; (R0)",
		"$0x0d008652": "st1 { v18.d }[0], [x18] | st1 { F18 }[0]; (R18)",
		"$0x3c5ff3e0": "ldur b0, [x31, #-1] | ldur F0; -1(RSP)",
		"$0x00000000": "",
		"nonsense":    "",
	} {
		in, text, ok := Rules.Word(word)
		got := ""
		if ok {
			got = text + " | " + in.Op + " " + strings.Join(in.Args, "; ")
		}
		if got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
}

// TestMemory: a load of two registers has them in brackets, which are no memory.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		in      asm.Line
		read    []string
		written string
	}{
		{asm.Line{Op: "LDP", Args: []string{"x-16(SP)", "(R0, R1)"}}, []string{"x-16(SP)"}, ""},
		{asm.Line{Op: "MOVD", Args: []string{"R0", "8(R1)"}}, nil, "8(R1)"},
		{lineOf(t, "$0x0d008400"), nil, "(R0)"},
		{lineOf(t, "$0x0d408000"), []string{"(R0)"}, ""},
		{lineOf(t, "$0x7d402510"), []string{"18(R8)"}, ""},
		{lineOf(t, "$0xf9800400"), []string{"8(R0)"}, ""},
	} {
		if read, written := Rules.Memory(c.in); !slices.Equal(read, c.read) || written != c.written {
			t.Errorf("%v reads %v and writes %q", c.in, read, written)
		}
	}
	if Rules.Bytes(asm.Line{Op: "MOVD"}) != 8 {
		t.Error("MOVD moves 8 bytes")
	}
}

// TestTable: each row is found by its own word, whatever its fields hold, and says the same.
func TestTable(t *testing.T) {
	for k := range table {
		row := &table[k]
		for _, pattern := range []int{0, 0x55555555, 0x2aaaaaaa} {
			var values []int
			for _, name := range row.names() {
				values = append(values, fields[name].read(fieldMask(name, pattern)))
			}
			word, text := row.encode(values)
			got, again := decode(word)
			if got == nil || again != text {
				t.Errorf("%s %v: %#08x is read as %q, not %q", row.key, values, word, again, text)
			}
		}
		if row.bits&^row.mask() != 0 {
			t.Errorf("%s: a field has bits set", row.key)
		}
	}
}

// fieldMask is a word whose bits of a field are those of a pattern.
func fieldMask(name string, pattern int) (word uint32) {
	for k, at := range fields[name].bits {
		word |= uint32(pattern>>k) & 1 << at
	}
	return word
}
