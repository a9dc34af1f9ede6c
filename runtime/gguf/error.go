package gguf

import "fmt"

// Error says what is wrong with a file and where. Every malformed header, every metadata value of
// another kind than asked for and every fault in the mapping is one.
type Error struct {
	Offset int64  // byte of the file at which the offending value starts
	Field  string // the format's name of that value, with the key or tensor it belongs to
	Got    string // what is there
	Limit  string // what is allowed

	// Plain is what is wrong in the words of somebody who has a file, where that is certain: it is
	// another kind of file, or it is cut off. It is all that Error says then.
	Plain string
}

func (e *Error) Error() string {
	if e.Plain != "" {
		return e.Plain
	}
	return fmt.Sprintf("gguf: offset %d: %s: got %s, allowed: %s", e.Offset, e.Field, e.Got, e.Limit)
}

// quoted is a name from a file as an error message shows it: escaped, and cut where it is long.
func quoted(name string) string {
	if len(name) > maxName {
		return fmt.Sprintf("%q...", name[:maxName])
	}
	return fmt.Sprintf("%q", name)
}
