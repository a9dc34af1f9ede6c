package kernels

import "sync/atomic"

// What follows is of a table that the process has, until everything is given its own.

var process atomic.Pointer[Table]

func init() { process.Store(Default()) }

// Process is that table.
func Process() *Table { return process.Load() }

// Use makes t that table.
func Use(t *Table) { process.Store(t) }

// Types returns every type in the order of the spec. The rows are shared: do not change them.
func Types() []*Type { return Process().Types() }

// Transforms returns every transform in the order of the spec.
func Transforms() []*Transform { return Process().Transforms() }

// Rotations returns every rotation in the order of the spec.
func Rotations() []*Rotation { return Process().Rotations() }

// ISAs lists the instruction sets of this build.
func ISAs() []ISA { return Process().ISAs() }

// ByName returns the type of that name, nil if there is none.
func ByName(name string) *Type { return Process().ByName(name) }

// ByID returns the type with that ggml type number, nil if there is none.
func ByID(id int) *Type { return Process().ByID(id) }

// QuantiseAct rounds rows to int8.
func QuantiseAct(a *Act, x []float32, ldx, m int) { Process().QuantiseAct(a, x, ldx, m) }

// BestVec returns the operations on vectors.
func BestVec() *Vec { return Process().Vec() }
