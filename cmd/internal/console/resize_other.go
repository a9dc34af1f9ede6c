//go:build !unix

package console

// onResize does nothing: the size is looked at before each line.
func onResize(func()) (stop func()) { return func() {} }
