package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/program"
)

// Adapter is a LoRA adapter (Hu et al. 2021) in a GGUF file of llama.cpp: to matrices of a model it
// adds others of low rank. It is used for one load.
type Adapter struct {
	path  string
	arch  string
	scale float64 // what was asked for
	alpha float64 // adapter.lora.alpha, 0 for none
	plain *kernels.Type
	pairs map[string]*adapterPair // by the name of the tensor that they change
	id    string                  // digest of all tensors
}

// adapterPair are the two matrices that are added to one, in f32.
type adapterPair struct {
	a, b *program.Weight
	used bool
}

// Limits of adapters: bytes of a matrix in f32, and rows of A.
const maxAdapterMatrix, maxRank = 1 << 30, 1 << 12

// OpenAdapter reads the adapter at path, to be applied scale times as strongly as it was trained.
func OpenAdapter(path string, table *kernels.Table, scale float64) (*Adapter, error) {
	f, err := gguf.Open(path, TypeSize(table))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &Adapter{path: path, scale: scale, plain: table.ByID(0), pairs: map[string]*adapterPair{}}
	if err := a.read(f, table); err != nil {
		return nil, fmt.Errorf("adapter %s: %w", path, err)
	}
	return a, nil
}

func (a *Adapter) read(f *gguf.File, table *kernels.Table) error {
	for key, want := range map[string]string{"general.type": "adapter", "adapter.type": "lora"} {
		if v, _, err := f.Str(key); err != nil || v != want {
			return fmt.Errorf("%s is %.40q, want %q: not a LoRA adapter", key, v, want)
		}
	}
	var err error
	if a.arch, _, err = f.Str("general.architecture"); err != nil {
		return err
	}
	alpha, _, err := f.F32("adapter.lora.alpha")
	if err != nil {
		return err
	}
	if a.alpha = float64(alpha); math.IsNaN(a.alpha) || math.IsInf(a.alpha, 0) {
		return fmt.Errorf("adapter.lora.alpha is %v", alpha)
	}
	sum := sha256.New()
	for i := range f.Tensors() {
		t := &f.Tensors()[i]
		name, isA := strings.CutSuffix(t.Name, ".lora_a")
		name, isB := strings.CutSuffix(name, ".lora_b")
		if isA == isB {
			return fmt.Errorf("tensor %.64q is neither lora_a nor lora_b of another", t.Name)
		}
		w, err := a.matrix(f, t, table)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %d %d\n", t.Name, w.Rows, w.N)
		sum.Write(w.Data[0])
		p := a.pairs[name]
		if p == nil {
			p = &adapterPair{}
			a.pairs[name] = p
		}
		if isA {
			p.a = w
		} else {
			p.b = w
		}
	}
	a.id = hex.EncodeToString(sum.Sum(nil)[:16])
	for name, p := range a.pairs {
		switch {
		case p.a == nil || p.b == nil:
			return fmt.Errorf("tensor %.64q has one of lora_a and lora_b", name)
		case p.a.Rows > maxRank:
			return fmt.Errorf("tensor %.64q.lora_a has %d rows, allowed: %d", name, p.a.Rows, maxRank)
		case p.a.Rows != p.b.N:
			return fmt.Errorf("tensor %.64q: lora_a has %d rows and lora_b %d columns", name, p.a.Rows, p.b.N)
		}
	}
	return nil
}

// matrix decodes a tensor of two dimensions to f32.
func (a *Adapter) matrix(f *gguf.File, t *gguf.Tensor, table *kernels.Table) (*program.Weight, error) {
	typ := table.ByID(int(t.Type))
	n := t.Elements()
	switch {
	case typ == nil || !typ.Weight:
		return nil, fmt.Errorf("tensor %.64q is of %s: want a type of weights", t.Name, gguf.TypeName(t.Type))
	case len(t.Dims) != 2 || n == 0 || n > maxAdapterMatrix/4:
		return nil, fmt.Errorf("tensor %.64q has shape %v: want two dimensions and at most %d values", t.Name, t.Dims, maxAdapterMatrix/4)
	}
	data, err := f.Data(t)
	if err != nil {
		return nil, err
	}
	x := make([]float32, n)
	err = f.Guard(func() error {
		columns := int(t.Dims[0])
		stride := typ.RowBytes(columns)
		for r := range int(t.Dims[1]) {
			row := x[r*columns:][:columns]
			typ.Best().Decode(row, data[r*stride:][:stride])
			if typ.Domain != nil {
				typ.Domain.Best().Inverse(row)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 4*n)
	for _, v := range x {
		if v*0 != 0 {
			return nil, fmt.Errorf("tensor %.64q holds %v", t.Name, v)
		}
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return &program.Weight{Type: a.plain, Rows: int(t.Dims[1]), N: int(t.Dims[0]), Data: [][]byte{b}}, nil
}

// factor is what B (A x) of a rank is multiplied by.
func (a *Adapter) factor(rank int) float32 {
	if a.alpha == 0 {
		return float32(a.scale)
	}
	return float32(a.scale * a.alpha / float64(rank))
}

// adapted is what adapters add to a matrix.
func (b *binder) adapted(name string, in, out int) (list []program.Low) {
	for _, a := range b.adapters {
		p := a.pairs[name]
		if p == nil {
			continue
		}
		if p.used = true; p.a.N != in || p.b.Rows != out {
			b.fail("adapter %s is for another model: %s is a matrix of [%d %d], and it adds one of [%d %d]", a.path, name, in, out, p.a.N, p.b.Rows)
			continue
		}
		list = append(list, program.Low{A: p.a, B: p.b, Scale: a.factor(p.a.Rows)})
	}
	return list
}

// applied is an error if the adapter is for another family, or has parts that were not applied.
// What was is part of the model's identity.
func (a *Adapter) applied(h *Header) error {
	if a.arch != h.arch {
		return fmt.Errorf("adapter %s is for %.40q models, and this is one of %q", a.path, a.arch, h.arch)
	}
	for name, p := range a.pairs {
		if !p.used {
			return fmt.Errorf("adapter %s changes %.64q, which is no plain matrix of this model: adapters of embeddings, experts and norms are not applied", a.path, name)
		}
	}
	key := "adapter " + a.id
	h.read[key] = strings.TrimPrefix(fmt.Sprintf("%s+%v", h.read[key], a.scale), "+")
	return nil
}
