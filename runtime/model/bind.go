package model

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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

	used      map[string]bool // tensors that were asked for and are there
	strangers []stranger      // types that weights cannot have here
	missing   []string        // tensors that must be there
	near      string          // what is there beside the first of them
}

// stranger is a type that weights cannot have here.
type stranger struct {
	id    uint32
	name  string
	first string // of its tensors
	count int
}

// strange notes a tensor of such a type; typ is nil where there are no kernels at all.
func (b *binder) strange(t *gguf.Tensor, typ *kernels.Type) {
	for i := range b.strangers {
		if b.strangers[i].id == t.Type {
			b.strangers[i].count++
			return
		}
	}
	name := gguf.TypeName(t.Type)
	if typ != nil {
		name = fmt.Sprintf("%s (type %d)", strings.ToUpper(typ.Name), t.Type)
	}
	b.strangers = append(b.strangers, stranger{t.Type, name, t.Name, 1})
}

// weightTypes are the names of the types that weights can have, by their numbers.
func weightTypes() string {
	var all []*kernels.Type
	for _, t := range kernels.Types() {
		if t.Weight && t.ID >= 0 {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *kernels.Type) int { return a.ID - b.ID })
	var names []string
	for _, t := range all {
		names = append(names, strings.ToUpper(t.Name))
	}
	return strings.Join(names, " ")
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
	rows   int      // outputs
	n      int      // inputs, values of a row
	stride int      // bytes of a row
	data   []byte   // [rows][stride]
	split  [][]byte // instead of data: equal shares of the rows, each in a tensor of its own
	bias   []float32
}

// pieces is the data in one piece or several.
func (w *weight) pieces() [][]byte {
	if w.split != nil {
		return w.split
	}
	return [][]byte{w.data}
}

// span is some rows, which no two pieces share.
func (w *weight) span(first, rows int) []byte {
	data := w.data
	if w.split != nil {
		share := w.rows / len(w.split)
		data, first = w.split[first/share], first%share
	}
	return data[first*w.stride : (first+rows)*w.stride]
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

// named is how many of many things an error names.
const named = 4

// err is the errors so far as one line, the first few of many.
func (b *binder) err() error {
	var all []string
	if b.strangers != nil {
		var types []string
		for _, s := range b.strangers {
			others := ""
			if s.count > 1 {
				others = fmt.Sprintf(" and %d more tensors", s.count-1)
			}
			types = append(types, fmt.Sprintf("%s, as %s%s", s.name, s.first, others))
		}
		all = append(all, fmt.Sprintf("weights of %s are not supported; supported are %s", strings.Join(types, ", and of "), weightTypes()))
	}
	switch n := len(b.missing); {
	case n == 1:
		all = append(all, fmt.Sprintf("tensor %s is missing; the file has %s", b.missing[0], b.near))
	case n > 1:
		more := ""
		if n > named {
			more = fmt.Sprintf(" and %d more", n-named)
		}
		all = append(all, fmt.Sprintf("tensor %s is missing, and so are %s%s; beside the first the file has %s", b.missing[0], strings.Join(b.missing[1:min(n, named)], ", "), more, b.near))
	}
	for i, e := range b.errs {
		if i == named {
			all = append(all, fmt.Sprintf("and %d more", len(b.errs)-named))
			break
		}
		all = append(all, e.Error())
	}
	if all == nil {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
}

// find returns a tensor of rows x n values, rows 1 for a vector. A missing one is an error that lists its neighbours.
func (b *binder) find(name string, n, rows int) *weight {
	t, ok := b.f.Tensor(name)
	if !ok {
		if b.missing = append(b.missing, name); len(b.missing) == 1 {
			b.near = b.neighbours(name)
		}
		return nil
	}
	b.used[name] = true
	if int64(n) != t.Dims[0] || n == 0 || t.Elements()/t.Dims[0] != int64(rows) { // divided, since products of sizes can wrap
		b.fail("tensor %s: shape %v, and the hyperparameters ask for [%d %d]", name, t.Dims, n, rows)
		return nil
	}
	typ := b.types(int(t.Type))
	if typ == nil || !typ.Weight {
		b.strange(t, typ)
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
