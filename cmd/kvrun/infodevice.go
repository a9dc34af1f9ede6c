package main

import (
	"fmt"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/model"
)

// deviceRecord is a GPU.
type deviceRecord struct {
	Name            string `json:"name"`
	Arch            int    `json:"sm"`
	Multiprocessors int    `json:"multiprocessors"`
	Free            uint64 `json:"free_bytes"`
	Total           uint64 `json:"total_bytes"`
}

// onDevice tells of the GPU, and of its kernels instead of the processor's.
func (r *infoResult) onDevice(s *session) error {
	b := s.flags.backend
	r.Device = &deviceRecord{Name: b.Name, Arch: b.Arch, Multiprocessors: b.Multiprocessors}
	var err error
	r.Device.Free, r.Device.Total, err = b.Free()
	for i := range r.Kernels {
		k := &r.Kernels[i]
		k.ISA = fmt.Sprintf("sm_%d", b.Arch)
		k.Kernels, k.Form = deviceForm(typeNamed(k.Type, anyType), k.For, s.flags.kind)
	}
	return err
}

// deviceForm is the frames of kernels that run a type, and the form of its products.
func deviceForm(t *kernels.Type, use string, math model.Math) (frames []string, form string) {
	frames = []string{"store", "heads", "attend"}
	if use == "weights" {
		frames = []string{"matrix", "product"}
	}
	switch {
	case math == model.Exact:
		form = "f32: exact was asked for"
	case !t.Quantised:
		form = "numbers as they are: the type is not kept as codes"
	case use == "weights":
		form = "int8 activations for few tokens"
	default:
		form = "int8 queries and levels"
	}
	return frames, form
}
