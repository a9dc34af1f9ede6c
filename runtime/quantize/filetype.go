package quantize

import (
	"io"

	"github.com/kvgen/kvgen/runtime/gguf"
)

// fileTypes are llama.cpp's numbers for files that are mostly of one type (enum llama_ftype), by
// the number of that type (enum ggml_type).
var fileTypes = map[int]uint32{
	0: 0, 1: 1, 2: 2, 3: 3, 6: 8, 7: 9, 8: 7, 10: 10, 11: 11, 12: 14, 13: 16, 14: 18, 16: 19, 17: 20, 18: 23, 19: 24, 20: 25, 21: 26,
	22: 28, 23: 30, 29: 31, 30: 32, 34: 36, 35: 37, 39: 38,
}

// quantisationVersion is that of ggml's block formats.
const quantisationVersion = 2

// describe writes the metadata of the result.
func (p *Plan) describe(w *gguf.Writer) error {
	if err := p.source.Describe(w); err != nil {
		return err
	}
	if n, ok := fileTypes[p.options.Type.ID]; ok { // there is no number for types of one's own
		if err := w.Set("general.file_type", n); err != nil {
			return err
		}
	}
	for _, c := range p.Choices {
		if c.Type != nil && c.Type.Quantised {
			return w.Set("general.quantization_version", uint32(quantisationVersion))
		}
	}
	return nil
}

// layout describes the whole file.
func (p *Plan) layout() (header []byte, tensors []gguf.Tensor, size int64, err error) {
	w := gguf.NewWriter(io.Discard)
	if err := p.describe(w); err != nil {
		return nil, nil, 0, err
	}
	for _, c := range p.Choices {
		id := c.Tensor.ID
		if c.Type != nil {
			id = uint32(c.Type.ID)
		}
		if err := w.Tensor(c.Tensor.Name, id, c.Tensor.Dims, c.bytes); err != nil {
			return nil, nil, 0, err
		}
	}
	return w.Layout()
}
