// Package limit checks what the system allows before a program relies on it, when it is imported:
// without file descriptors for its own use, the Go runtime ends with a stack trace.
package limit
