// Package limit finds out what the system allows before a program relies on it: without descriptors
// for its own use the runtime of Go ends with a stack trace.
package limit
