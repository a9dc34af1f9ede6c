package ctext

import "cmp"

// Dialect is what one language of the family differs by. A word is text that stands in front of
// what it qualifies.
type Dialect struct {
	Name     string // of the target, and its folder below gen/target
	Language string // for messages
	Folder   string // of what is generated, below kernels
	Suffix   string // of file names: ".cuh"

	Function string // in front of a function of a struct
	Reader   string // the same, of one that reads a packed block; "" for Function
	Inline   string // the same, of one that has to be a part of its caller
	Init     string // in front of a constructor
	Constant string // in front of a constant of a struct
	Table    string // in front of a table outside of structs
	Entries  string // a pointer to entries of a table of floats

	Block   string // a pointer to the bytes of a packed block
	Words   string // a pointer to the words of a block that is being packed, which lanes share
	Shared  string // a pointer to floats that lanes share
	Given   string // the same, of floats that are not written
	Out     string // a pointer to the caller's words
	Held    string // in front of what a reference to a lane's own registers refers to, with a space
	Lanes   int    // of an encoder: value k*Lanes + lane of a block is in register k
	Unroll  string // in front of a loop with a known number of turns
	Once    string // in front of a file that is taken once
	Include string // a format of a file's name
	Address string // before the type of an address that is an argument of a kernel, with a space
	Offsets string // text that defines offset_of(type, field), the bytes before a field
	Long    string // a signed integer of eight bytes; "" for long long
	Double  string // what is at an address of numbers of f64; "" for double
	Reason  string // what an assertion ends with that needs no words
	Taken   string // words of the language that no name may be, besides those of C++
	Never   string // a type with a size, for templates that nothing uses; "" for pointers to void

	// Join is a function of v and so_far, floats, as an argument of fold_in_order; fn is the
	// reduction's name.
	Join func(fn, expression string) string

	// Levels are the statements that turn four codes into levels, bytes of words out[0], out[1],
	// ... whose sum they are: as many as Terms says for each row of a book. Codes come as nibbles
	// of low, whose complement is inverse, and their further bits of high. Levels are nil where
	// frames look up levels as numbers.
	Levels func(b Book) []string
	Terms  func(b Book) int
}

// reader stands in front of a function that reads a packed block.
func (d *Dialect) reader() string { return cmp.Or(d.Reader, d.Function) }

// Target is the back end of a dialect.
type Target struct{ Dialect *Dialect }
