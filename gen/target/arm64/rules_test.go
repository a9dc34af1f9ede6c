package arm64

import (
	"slices"
	"testing"

	"github.com/kvgen/kvgen/gen/asm"
)

// TestFeatures goes through the forms whose mnemonic, lanes or registers decide.
func TestFeatures(t *testing.T) {
	for _, c := range []struct {
		in   asm.Line
		want string
	}{
		{asm.Line{Op: "VFMLA", Args: []string{"V0.S4", "V1.S4", "V2.S4"}}, ""},
		{asm.Line{Op: "WORD", Args: []string{"$0x4e20d400"}, Comment: "FADD V0.S4, V0.S4, V0.S4"}, ""},
		{asm.Line{Op: "WORD", Args: []string{"$0x4e401400"}, Comment: "FADD V0.H8, V0.H8, V0.H8"}, "ASIMDHP"},
		{asm.Line{Op: "WORD", Args: []string{"$0x4e401400"}, Comment: "FADD V0.8H, V0.8H, V0.8H"}, "ASIMDHP"},
		{asm.Line{Op: "WORD", Args: []string{"$0x0e217800"}, Comment: "FCVTL V0.4S, V0.4H"}, ""},
		{asm.Line{Op: "WORD", Args: []string{"$0x4e809400"}, Comment: "SDOT V0.4S, V0.16B, V0.16B"}, "ASIMDDP"},
		{asm.Line{Op: "WORD", Args: []string{"$0x4e80a400"}, Comment: "SMMLA V0.4S, V0.16B, V0.16B"}, "I8MM"},
		{asm.Line{Op: "WORD", Args: []string{"$0x04a00000"}, Comment: "ADD Z0.S, Z0.S, Z0.S"}, "SVE"},
	} {
		got, known := Rules.Features(c.in)
		if want := slices.DeleteFunc([]string{c.want}, func(s string) bool { return s == "" }); !known || !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", c.in, got, want)
		}
	}
}

// TestMemory: a load of two registers has them in brackets, which are no memory.
func TestMemory(t *testing.T) {
	read, written := Rules.Memory(asm.Line{Op: "LDP", Args: []string{"x-16(SP)", "(R0, R1)"}})
	if !slices.Equal(read, []string{"x-16(SP)"}) || written != "" {
		t.Errorf("a load reads %v and writes %q", read, written)
	}
	read, written = Rules.Memory(asm.Line{Op: "MOVD", Args: []string{"R0", "8(R1)"}})
	if len(read) > 0 || written != "8(R1)" || Rules.Bytes(asm.Line{Op: "MOVD"}) != 8 {
		t.Errorf("a store reads %v and writes %q", read, written)
	}
}
