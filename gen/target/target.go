// Package target says what a back end of the compiler is: a value that turns checked specs into
// source files and reports which functions they hold, so that package dispatch can put those
// functions into the table.
package target

import (
	"fmt"
	"reflect"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/abi"
)

// Target generates the kernels of one family of machines.
type Target interface {
	// Name is the name of the target's folder under gen/target.
	Name() string

	// Generate returns everything the target makes of the set. It is pure: the same set gives the
	// same bytes.
	Generate(set *spec.Set) (*Output, error)
}

// Output is what a target made.
type Output struct {
	Files map[string][]byte // path from the project root, with slashes -> text, header included
	// the instruction sets that kernels/cpu chooses from, best first; nil for a GPU
	ISAs []ISA
}

// ISA is one instruction set of a CPU target, with the functions generated for it.
type ISA struct {
	Name       string   // as users write it: "avx2"
	Aliases    []string // other names that users may write
	Arch       string   // GOARCH, "" for portable Go
	Needs      []string // features the CPU must have: names of constants of klauspost/cpuid, "AVX2"
	Types      []Kernels
	Transforms []Transform

	// QuantiseAct is the function that rounds activations, with the signature and the bits of
	// cpu.QuantiseActGeneric; "" when the next instruction set does it.
	QuantiseAct string

	// Vectors names the functions for the fields of cpu.Vec: all of them, or none when the next
	// instruction set does it.
	Vectors []Vector

	// Why says, by the name of a transform, of QuantiseAct or of Vectors, for what reason there is
	// none.
	Why map[string]string
}

// Vector is the function of package kernels/cpu for one field of cpu.Vec.
type Vector struct{ Field, Func string }

// Kernels names the Go functions of package kernels/cpu that serve one type, by the Field of their
// kind (abi.Kinds), whose signature they have. Where there is none the next instruction set of the
// list, at last portable Go, does the job.
type Kernels struct {
	Type  string            // name in the spec
	Funcs map[string]string // by kind
	// by kind: for what reason the type has no such function of this instruction set
	Why map[string]string
}

// NewKernels is a type without functions.
func NewKernels(t *spec.Type) Kernels {
	return Kernels{Type: t.Name, Funcs: map[string]string{}, Why: map[string]string{}}
}

// Set names the function of a kind; "" is none.
func (k *Kernels) Set(kind, function string) {
	if _, ok := abi.KindOf(kind); !ok {
		panic(fmt.Sprintf("target: %s: %q is no kind of kernel", k.Type, kind))
	}
	if function != "" {
		k.Funcs[kind] = function
	}
}

// Params are the parameters of a function of a kind, as Go. Neighbours of one type share it where
// grouped.
func Params(kind string, grouped bool) (params []jen.Code, names []string) {
	k, _ := abi.KindOf(kind)
	var group []jen.Code
	all := k.Params()
	for i, p := range all {
		names = append(names, p.Name)
		group = append(group, jen.Id(p.Name))
		if !grouped || i+1 == len(all) || all[i+1].Type != p.Type {
			params = append(params, jen.List(group...).Add(goType(p.Type)))
			group = nil
		}
	}
	return params, names
}

// goType is a type of a parameter: a slice, a pointer to a type of package cpu, or a basic type.
func goType(t reflect.Type) *jen.Statement {
	switch t.Kind() {
	case reflect.Slice:
		return jen.Index().Add(goType(t.Elem()))
	case reflect.Pointer:
		return jen.Op("*").Add(goType(t.Elem()))
	case reflect.Uint8:
		return jen.Byte()
	}
	return jen.Id(t.Name())
}

// GPU is a target whose kernels are text, which a driver compiles on the user's machine. The driver
// is the package of its name below runtime, with a variable Driver of type *gpu.Driver.
type GPU interface {
	Target

	// Language is what its kernels are written in, for messages: CUDA.
	Language() string

	// Type is the struct by which kernels read and write a type: all kernels share it.
	Type(t *spec.Type) []byte

	// Structs are the structs of the types and transforms of a set, by the names of their files.
	Structs(set *spec.Set) map[string][]byte
}

// Transform names the functions of package kernels/cpu that serve one transform: func(x []float32).
type Transform struct {
	Transform        string // name in the spec
	Forward, Inverse string
}

// Assembling is a target whose functions can be looked at one by one.
type Assembling interface {
	Target

	// InstructionSets are their names, best first.
	InstructionSets() []string

	// Functions are those that kernels of a type are made of under an instruction set, its own
	// first.
	Functions(t *spec.Type, isa string) []Function
}

// Function is one function of a kernel after each stage.
type Function struct {
	Name     string
	Shared   bool   // it serves types of every kind
	IR       string // the program over lanes
	Assembly string // its constants and its instructions
}
