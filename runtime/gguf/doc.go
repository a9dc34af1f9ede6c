// Package gguf reads and writes GGUF model files, versions 2 and 3, little-endian.
//
// A file is, in this order (format: github.com/ggml-org/ggml, docs/gguf.md):
//
//	"GGUF"  u32 version  u64 tensor count  u64 metadata count
//	metadata   string key, u32 kind, value            (count times)
//	tensors    string name, u32 dimensions, u64 each (innermost first), u32 type id, u64 offset
//	padding    to general.alignment (32 when absent)
//	data       every tensor at data start + its offset, offsets multiples of the alignment
//
// A string is a u64 length and that many bytes; an array is a u32 element kind, a u64 count and the
// elements.
//
// The reader trusts nothing. The header is read through a small window, never through the mapping,
// and every length and count is compared with what the file can still hold before anything is
// allocated for it. Values stay in the file until a getter asks for them. A malformed file is one
// *Error naming offset, field, value and limit, or, where that is certain, saying what the file is
// instead or that it is cut off.
//
// A model may be split into several such files; [Open] takes the first and finds the others.
//
// Weights are views of a read-only mapping. Code that touches them runs under [File.Guard], in
// every goroutine that does, so that a file cut short by somebody else is an error and not the end
// of the process.
package gguf

// What a header may ask for, beyond what the file can hold. Each is at least eight times the
// largest published model's need (262,144 tokens, 514,906 merges, a 20 MB header, some 1,500
// tensors); together they keep the parser under 64 MiB.
const (
	maxHeader  = 128 << 20 // bytes of header
	maxEntries = 1 << 16   // metadata entries
	maxTensors = 1 << 16   // tensors
	maxStrings = 1 << 22   // elements of one string array
	maxKey     = 1<<16 - 1 // bytes of a metadata key, as the format says
	maxName    = 64        // bytes of a tensor name, as the format says
	maxNames   = 16 << 20  // bytes of all keys and names together
	maxDims    = 4         // dimensions of a tensor
	maxParts   = 4096      // files of a split model
)

const (
	magic            = "GGUF"
	alignmentKey     = "general.alignment"
	defaultAlignment = 32

	headerBytes = 24 // magic, version, two counts
	// the smallest metadata entry: one byte of key, one of value
	minEntryBytes = 8 + 1 + 4 + 1
	// the smallest tensor record: one byte of name, one dimension
	minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8
)
