package policy

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Reader reads what a person asks of the cache of one model. It is for one goroutine at a time.
type Reader struct {
	Table  *kernels.Table // Model.Table
	Model  *model.Model   // for key offsets and files that name their model
	Layers []kv.Layer     // Model.KVLayers()
	Path   string         // of the model's file, beside which others lie; "" for none

	Fallback bool              // go on with f16, or without a key offset, where a request fails
	Unmet    func(what string) // told of a key offset that is not to be had, with Fallback; or nil

	Opening  func(path string) error         // told before a file is read, may forbid it; or nil
	Identity func() (*model.Identity, error) // of Model; nil for Model.Identify

	offsets map[string]*kv.Offset // by the name that was asked for
}

// NewReader is a reader for a model and the path of its file, "" for a model without one.
func NewReader(m *model.Model, path string) *Reader {
	return &Reader{Table: m.Table, Model: m, Layers: m.KVLayers(), Path: path}
}

// Refusal is a request that was understood and that cannot be honoured, as an error.
type Refusal struct{ Err error }

func (r Refusal) Error() string { return r.Err.Error() }
func (r Refusal) Unwrap() error { return r.Err }

func refuse(format string, args ...any) error { return Refusal{fmt.Errorf(format, args...)} }

func (r *Reader) opening(path string) error {
	if r.Opening == nil {
		return nil
	}
	return r.Opening(path)
}

func (r *Reader) identity() (*model.Identity, error) {
	if r.Identity == nil {
		return r.Model.Identify(nil, nil)
	}
	return r.Identity()
}

// Known are the types that a cache can have, of which errors name those that would fit.
func (r *Reader) Known() (types []*kernels.Type) {
	for _, t := range r.Table.Types() {
		if t.KV {
			types = append(types, t)
		}
	}
	return types
}
