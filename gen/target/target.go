// Package target says what a back end of the compiler is: a value that turns checked specs into source files and reports
// which functions they hold, so that package dispatch can put those functions into the table.
package target

import "github.com/kvgen/kvgen/gen/spec"

// Target generates the kernels of one family of machines.
type Target interface {
	// Name is the name of the target's folder under gen/target.
	Name() string

	// Generate returns everything the target makes of the set. It is pure: the same set gives the same bytes.
	Generate(set *spec.Set) (*Output, error)
}

// Output is what a target made.
type Output struct {
	Files map[string][]byte // path from the project root, with slashes -> text, header included
	ISAs  []ISA             // the instruction sets that kernels/cpu chooses from, best first; nil for a GPU
}

// ISA is one instruction set of a CPU target, with the functions generated for it.
type ISA struct {
	Name       string   // as users write it: "avx2"
	Aliases    []string // other names that users may write
	Arch       string   // GOARCH, "" for portable Go
	Needs      []string // features the CPU must have: names of constants of klauspost/cpuid, "AVX2"
	Types      []Kernels
	Transforms []Transform

	// QuantiseAct is the function that rounds activations, with the signature and the bits of cpu.QuantiseActGeneric; "" when
	// the next instruction set does it.
	QuantiseAct string

	// Vectors names the functions for the fields of cpu.Vec: all of them, or none when the next instruction set does it.
	Vectors []Vector
}

// Vector is the function of package kernels/cpu for one field of cpu.Vec.
type Vector struct{ Field, Func string }

// Kernels names the Go functions of package kernels/cpu that serve one type. Each has the signature of the field of the
// same name of cpu.Impl. An empty name means that the next instruction set of the list, at last portable Go, does the job.
type Kernels struct {
	Type     string // name in the spec
	Encode   string
	Decode   string
	Matmul   string
	MatmulQ8 string
	Mix      string
	MixQ8    string // "" where Mix is no slower

	// Why says, by the name of a field above, for what reason the type has no such function of this instruction set.
	Why map[string]string
}

// Transform names the functions of package kernels/cpu that serve one transform: func(x []float32).
type Transform struct {
	Transform        string // name in the spec
	Forward, Inverse string
}
