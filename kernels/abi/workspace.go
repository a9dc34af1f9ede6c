package abi

// Workspace is scratch memory that one goroutine lends to kernels, grown on demand and never shared
// between goroutines. The zero value is ready for use.
type Workspace struct {
	f []float32
	b []byte
}

// Floats returns scratch of n floats, valid until the next call.
func (w *Workspace) Floats(n int) []float32 {
	w.f = grow(w.f, n)
	return w.f
}

// Raw returns scratch of n bytes, valid until the next call.
func (w *Workspace) Raw(n int) []byte {
	w.b = grow(w.b, n)
	return w.b
}
