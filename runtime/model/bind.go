package model

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/program"
)

// types resolves the type id of a tensor, nil for one it does not know. It is Table.ByID except in
// tests.
type types func(id int) *kernels.Type

// binder looks up the tensors of a graph and remembers what it could not find.
type binder struct {
	f       *gguf.File
	kernels *kernels.Table
	types   types
	width   int
	layer   int // -1 outside the layers
	errs    []error

	program *program.Program
	ropes   map[*Rope]int // numbers of RoPEs
	kvOf    map[int]int   // KV layer of a layer
	others  []Other
	read    []int // KV layers that later layers read, again for each of these

	adapters []*Adapter // that the model runs with

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
func weightTypes(table *kernels.Table) string {
	var all []*kernels.Type
	for _, t := range table.Types() {
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

// step binds a block.
func (b *binder) step(k Block) program.Step {
	x := program.Step{Layer: b.layer, Pre: b.norm(k.Pre, b.width), Post: b.norm(k.Post, b.width), Body: k.Body.bind(b), Scale: 1}
	if name := b.name(k.Scale, "weight"); k.Scale != "" && b.has(name) {
		if v := b.vector(name, 1); v != nil {
			x.Scale = v[0]
		}
	}
	return x
}

// fuse makes products of matrices with the same input. Weights are nil after a binding error, which
// ends the load.
func (b *binder) fuse(ws ...*program.Weight) *program.Products {
	p := &program.Products{Number: len(b.program.Products), Parts: ws}
	b.program.Products = append(b.program.Products, p)
	return p
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
		all = append(all, fmt.Sprintf("weights of %s are not supported; supported are %s", strings.Join(types, ", and of "), weightTypes(b.kernels)))
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

// find returns a tensor of rows x n values, rows 1 for a vector. A missing one is an error that
// lists its neighbours.
func (b *binder) find(name string, n, rows int) *program.Weight {
	t, ok := b.f.Tensor(name)
	if !ok {
		if b.missing = append(b.missing, name); len(b.missing) == 1 {
			b.near = b.neighbours(name)
		}
		return nil
	}
	b.used[name] = true
	// divided, since products of sizes can wrap
	if int64(n) != t.Dims[0] || n == 0 || t.Elements()/t.Dims[0] != int64(rows) {
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
	return &program.Weight{Type: typ, Rows: rows, N: n, Data: [][]byte{data}}
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
func (b *binder) linear(l Linear, in, out int) *program.Weight {
	w := b.find(b.name(string(l), "weight"), in, out)
	if bias := b.name(string(l), "bias"); w != nil && b.has(bias) {
		w.Bias = b.vector(bias, out)
	}
	scale := b.name(string(l), "scale")
	// gemma4's router has another, of its inputs
	if t, ok := b.f.Tensor(scale); ok && w != nil && t.Elements() == 1 {
		b.scaled(w, scale)
	}
	if w != nil {
		w.Low = b.adapted(b.name(string(l), "weight"), in, out)
	}
	return w
}

// scaled gives w the scale of its file, as NVFP4 has one per tensor beside those of the blocks.
// That of the inputs is for arithmetic in 4 bits, which nothing here does.
func (b *binder) scaled(w *program.Weight, name string) {
	if v := b.vector(name, 1); len(v) == 1 {
		if w.Scale = v[0]; v[0] == 0 || v[0]-v[0] != 0 {
			b.fail("tensor %s: a scale of %g; allowed: a finite number that is not 0", name, v[0])
		}
	}
	if inputs := strings.TrimSuffix(name, "scale") + "input_scale"; b.has(inputs) {
		b.used[inputs] = true
	}
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
	err := b.f.Guard(func() error { w.Type.Best().Decode(v, w.Data[0]); return nil })
	if err != nil {
		b.errs = append(b.errs, err)
	}
	return v
}

// suffix is the end of the tensor's name, "" for none.
func (n Norm) suffix() string {
	if n.Whole {
		return ""
	}
	return cmp.Or(n.Suffix, "weight")
}

// norm binds a norm over n values, nil for one that is not there.
func (b *binder) norm(n Norm, width int) *program.NormWeights {
	switch {
	case n.Bare:
		return &program.NormWeights{Kind: n.Kind, Eps: n.Eps}
	case n.Name == "":
		return nil
	}
	x := &program.NormWeights{Kind: n.Kind, Eps: n.Eps, W: b.vector(b.name(n.Name, n.suffix()), width)}
	if n.Times != 0 {
		for i := range x.W {
			x.W[i] *= n.Times
		}
	}
	if bias := b.name(n.Name, "bias"); n.Name != "" && b.has(bias) {
		x.B = b.vector(bias, width)
	}
	return x
}
