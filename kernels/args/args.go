// Package args declares the arguments of every GPU kernel: a struct each, of which the host fills
// one and passes it whole. The compiler writes the same structs as device text, a
// file for each GPU, with their sizes and offsets asserted there; a test holds those of Go to them.
//
// A field of device memory is an address, with the type of what lies there as its tag. Names are
// those of the device text in Go's spelling: KVHeads is kv_heads.
package args

import "embed"

// Source is the text of the declarations, which the compiler reads.
//
//go:embed *.go
var Source embed.FS
