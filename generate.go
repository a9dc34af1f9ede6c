// Package kvgen is a compiler for quantisation types and a runtime that uses what it makes.
//
// # The tour
//
// One text in kernels/spec describes a type: its block layout, how a value is read from it and how it is made.
//
//	gen/spec      reads the texts into typed declarations and reports every mistake with its place
//	gen/interp    runs a type straight from its text: slow, and the second oracle of the kernels
//	gen           compiles them; gen.Run is the whole of it, and pure
//	gen/ir        the program of one kernel, over lanes, for targets with vector registers
//	gen/target    one folder per back end: portable Go, amd64 assembly, CUDA C++
//	templates     the frames of GPU kernels, which name no type
//	gen/dispatch  the table of types and the lists of instruction sets
//	kernels       what was generated, with the table in front; kernels/ref holds the oracles, written by hand
//	runtime       reads and runs models; it imports kernels and nothing of gen
//	cmd           kvgen compiles, kvrun runs models, kernelvet reads the assembly again
//
// To add a type, write one .hcl file and run go generate ./... in this folder. The line that it looks for is in kernels/spec:
// packages are visited in the order of their names, and what was generated for a type that is gone must not be looked at later.
//
// # Glossary
//
//	type         a quantisation type: how numbers are packed
//	block        the smallest unit of a type: so many values in so many bytes
//	row          consecutive blocks: one head of one cached position, or one row of a weight matrix
//	code         the integer stored for a value; a codebook gives it a level
//	scale        a number per block, or per run of values, that codes are multiplied by
//	transform    an orthonormal map of 16 to 512 values: signs, Walsh-Hadamard, signs
//	domain       the transform of a type whose rows are stored transformed
//	rotation     a transform that the cache applies before a type encodes
//	segment      rows of one layer of one type; a position is in exactly one of a layer's segments
//	exact ends   the first and the last rows of a cache, kept in f16 where a policy says so
//	key offset   a constant taken out of the keys before RoPE, whose score is added back exactly
//	identity     the hash of everything that gives a type's bytes their meaning
//	head         one attention head; head_dim is its number of values
//	GQA group    the query heads that share one cached head
//	score, mix   the two products of attention: queries with cached keys, weights with cached values
//	ISA          an instruction set that kernels exist for; generic is portable Go
//	oracle       plain loops that a kernel is compared with
package kvgen
