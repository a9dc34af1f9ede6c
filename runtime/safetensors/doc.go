// Package safetensors reads the weights of a model as Hugging Face publishes them: files of
// tensors, one or several in a folder.
//
// A file is, in this order (format: github.com/huggingface/safetensors):
//
//	u64 length of the header, little-endian
//	header   JSON: name -> dtype, shape (outermost first), data_offsets [begin, end)
//	data     the tensors, each at its offsets from here, without gaps
//
// The header is read whole, up to a limit. Before anything of the data is read, all offsets are
// proven: that they are inside the file, as far apart as dtype and shape say, and that no byte
// belongs to two tensors or to none.
package safetensors
