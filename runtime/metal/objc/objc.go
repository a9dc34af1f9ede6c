// Package objc is Objective-C as far as package metal uses it: objects, and messages that are sent
// to them. There are two of it: that of macOS, through purego and without cgo, and package fake,
// which checks what is sent on any machine.
package objc

// ID is an object or a class. 0 is nil, which takes any message and answers 0.
type ID uintptr

// SEL is the name of a message, as the system knows it.
type SEL uintptr

// Size is MTLSize.
type Size struct{ Width, Height, Depth uint64 }

// Range is NSRange.
type Range struct{ Location, Length uint64 }

// Version is NSOperatingSystemVersion.
type Version struct{ Major, Minor, Patch int64 }

// Runtime is what sends messages.
type Runtime interface {
	// Class finds a class, 0 for none.
	Class(name string) ID

	// Selector is the name of a message as a value.
	Selector(name string) SEL

	// Send makes fn, a pointer to a func whose first argument is an object, send it the message.
	// The other arguments are those of the message, as C has them.
	Send(fn any, selector string) error

	// Call makes fn, a pointer to a func, call a function of C.
	Call(fn any, symbol string) error
}
