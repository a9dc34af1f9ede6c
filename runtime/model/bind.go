package model

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/kv"
)

// Types resolves the type id of a tensor, nil for one it does not know. It is kernels.ByID except in tests.
type Types func(id int) *kernels.Type

// binder looks up the tensors of a graph and remembers what it could not find.
type binder struct {
	f     *gguf.File
	types Types
	width int
	layer int // -1 outside the layers
	errs  []error

	ropes   map[*Rope]*turns
	turns   []*turns
	kv      []kv.Layer
	attends []*attend   // by KV layer
	kvOf    map[int]int // KV layer of a layer
	states  []stateSize // of recurrent layers
	others  []Other
	read    []int    // KV layers that later layers read, again for each of these
	groups  []*group // all matrices
	scratch sizes
}

// body is a Body with its tensors. forward computes y from x, both [n][width]; describe is its part of a Program.
type body interface {
	forward(p *pass, y, x []float32) error
	describe() any
}

// block is a Block with its tensors; norms may be nil.
type block struct {
	layer     int // of the model, for messages
	pre, post *norm
	body      body
	scale     float32
}

func (b *binder) block(k Block) block {
	x := block{layer: b.layer, pre: b.norm(k.Pre, b.width), post: b.norm(k.Post, b.width), body: k.Body.bind(b), scale: 1}
	if name := b.name(k.Scale, "weight"); k.Scale != "" && b.has(name) {
		if v := b.vector(name, 1); v != nil {
			x.scale = v[0]
		}
	}
	return x
}

// weight is a matrix in the file.
type weight struct {
	typ    *kernels.Type
	impl   *kernels.Impl
	rows   int    // outputs
	n      int    // inputs, values of a row
	stride int    // bytes of a row
	data   []byte // [rows][stride]
	bias   []float32
}

// cut is rows lo to hi-1 of w, which may be nil.
func (w *weight) cut(lo, hi int) *weight {
	if w == nil {
		return nil
	}
	c := *w
	c.rows, c.data = hi-lo, w.data[lo*w.stride:hi*w.stride]
	if w.bias != nil {
		c.bias = w.bias[lo:hi]
	}
	return &c
}

// row decodes row i into x, which is n values.
func (w *weight) row(x []float32, i int) {
	w.impl.Decode(x, w.data[i*w.stride:][:w.stride])
	if d := w.typ.Domain; d != nil {
		d.Best().Inverse(x)
	}
}

// name is the full name of a tensor.
func (b *binder) name(short, suffix string) string {
	if suffix != "" {
		short += "." + suffix
	}
	if b.layer >= 0 {
		return fmt.Sprintf("blk.%d.%s", b.layer, short)
	}
	return short
}

func (b *binder) fail(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// err is the errors so far as one, the first few of many.
func (b *binder) err() error {
	if n := len(b.errs); n > 4 {
		return errors.Join(append(b.errs[:4:4], fmt.Errorf("and %d more", n-4))...)
	}
	return errors.Join(b.errs...)
}

// find returns a tensor of rows x n values, rows 1 for a vector. A missing one is an error that lists its neighbours.
func (b *binder) find(name string, n, rows int) *weight {
	t, ok := b.f.Tensor(name)
	if !ok {
		b.fail("tensor %s is missing; the file has %s", name, b.neighbours(name))
		return nil
	}
	if int64(n) != t.Dims[0] || t.Elements()/t.Dims[0] != int64(rows) { // divided, since products of sizes can wrap
		b.fail("tensor %s: shape %v, and the hyperparameters ask for [%d %d]", name, t.Dims, n, rows)
		return nil
	}
	typ := b.types(int(t.Type))
	if typ == nil || !typ.Weight {
		b.fail("tensor %s: type %d is not one that weights can have here", name, t.Type)
		return nil
	}
	data, err := b.f.Data(t)
	if err != nil {
		b.errs = append(b.errs, err)
		return nil
	}
	return &weight{typ: typ, impl: typ.Best(), rows: rows, n: n, stride: typ.RowBytes(n), data: data}
}

// neighbours lists the tensors of the same layer, or those outside layers.
func (b *binder) neighbours(name string) string {
	prefix := ""
	if b.layer >= 0 {
		prefix = fmt.Sprintf("blk.%d.", b.layer)
	}
	var have []string
	for _, t := range b.f.Tensors() {
		if strings.HasPrefix(t.Name, prefix) && (prefix != "" || !strings.HasPrefix(t.Name, "blk.")) && len(have) < 24 {
			have = append(have, t.Name)
		}
	}
	if have == nil {
		return fmt.Sprintf("none of that layer among its %d tensors", len(b.f.Tensors()))
	}
	return strings.Join(have, " ")
}

func (b *binder) has(name string) bool { _, ok := b.f.Tensor(name); return ok }

// linear is a matrix of out x in, with its bias if the file has one.
func (b *binder) linear(l Linear, in, out int) *weight {
	w := b.find(b.name(string(l), "weight"), in, out)
	if bias := b.name(string(l), "bias"); w != nil && b.has(bias) {
		w.bias = b.vector(bias, out)
	}
	return w
}

// vector is a tensor of n values, decoded.
func (b *binder) vector(name string, n int) []float32 { return b.table(name, n, 1) }

// table is a tensor of rows x n values, decoded.
func (b *binder) table(name string, n, rows int) []float32 {
	w := b.find(name, n, rows)
	if w == nil {
		return nil
	}
	v := make([]float32, n*rows)
	err := b.f.Guard(func() error { w.impl.Decode(v, w.data); return nil })
	if err != nil {
		b.errs = append(b.errs, err)
	}
	return v
}

// norm binds a norm over n values, nil for one that is not there.
func (b *binder) norm(n Norm, width int) *norm {
	switch {
	case n.Bare:
		return &norm{kind: n.Kind, eps: n.Eps}
	case n.Name == "":
		return nil
	}
	x := &norm{kind: n.Kind, eps: n.Eps, w: b.vector(b.name(n.Name, cmp.Or(n.Suffix, "weight")), width)}
	if n.Times != 0 {
		cpu.Scale(x.w, n.Times)
	}
	if bias := b.name(n.Name, "bias"); n.Kind == LayerNorm && b.has(bias) {
		x.b = b.vector(bias, width)
	}
	return x
}
