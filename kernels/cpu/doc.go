// Package cpu holds the kernels that run on the processor: generated portable Go and assembly, the
// hand-written arithmetic that the portable kernels share, and the list of instruction sets in
// order of preference. Package kernels puts them into the dispatch table; nothing else imports this
// package.
//
// Files named *_generic.go are portable and always built. A name that ends in an architecture is
// built there unless the build tag noasm is given.
package cpu
