package model

import "github.com/kvgen/kvgen/runtime/program"

// Device is what runs stages beside the processor, such as a GPU.
type Device interface {
	// Engine takes a part of the model's Program to the device, once for all contexts of that
	// model, and makes what runs batches of at most o.Batch tokens in contexts of o.Size positions.
	Engine(m *Model, s program.Span, o Options) (program.Engine, error)
}
