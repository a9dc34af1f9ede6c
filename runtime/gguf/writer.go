package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Writer writes a version 3 file in one pass: first Set and Tensor describe it, then Data streams
// the bytes of the tensors in the order they were described, then Close checks that nothing is
// missing. The first error sticks and every later call returns it, so a caller may look at Close
// alone. It refuses what the reader would refuse.
type Writer struct {
	out   *bufio.Writer
	err   error
	align int64

	entries  []byte // encoded metadata
	nEntries uint64
	keys     map[string]bool
	infos    []byte // encoded tensor records
	tensors  []Tensor
	names    map[string]bool

	begun bool
	next  int   // tensor that Data expects, once left is 0
	left  int64 // bytes that tensor next-1 still lacks
	end   int64 // bytes of the data section written or described, the last tensor unpadded
}

// NewWriter writes to w through a buffer; Close flushes it and does not close w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{out: bufio.NewWriterSize(w, 1<<20), align: defaultAlignment, keys: map[string]bool{}, names: map[string]bool{}}
}

func (w *Writer) fail(format string, args ...any) error {
	if w.err == nil {
		w.err = fmt.Errorf("gguf: "+format, args...)
	}
	return w.err
}

// Set adds a metadata entry. v is a bool, string, float or sized integer, or a slice of one of
// these; its Go type decides the kind. Setting general.alignment, a uint32, before the first tensor
// changes the alignment from 32.
func (w *Writer) Set(key string, v any) error {
	if a, ok := v.(uint32); w.err == nil && key == alignmentKey {
		if !ok || a == 0 || a&(a-1) != 0 || len(w.tensors) > 0 {
			return w.fail("%s %v, allowed: a power of two in a uint32, before the first tensor", key, v)
		}
		w.align = int64(a)
	}
	return w.add(key, func(b []byte) ([]byte, error) { return appendValue(b, v) })
}

// add adds a metadata entry whose kind and value are appended by value.
func (w *Writer) add(key string, value func([]byte) ([]byte, error)) error {
	switch {
	case w.err != nil:
		return w.err
	case w.begun:
		return w.fail("metadata %s after the first data", quoted(key))
	case key == "" || len(key) > maxKey:
		return w.fail("metadata key of %d bytes, allowed: 1 to %d", len(key), maxKey)
	case w.keys[key]:
		return w.fail("metadata %s set twice", quoted(key))
	case w.nEntries == maxEntries:
		return w.fail("metadata %s is one more than the %d allowed", quoted(key), maxEntries)
	}
	b, err := value(appendString(w.entries, key))
	if err != nil {
		return w.fail("metadata %s: %w", quoted(key), err)
	}
	w.entries, w.keys[key], w.nEntries = b, true, w.nEntries+1
	return nil
}

// Tensor describes a tensor of size bytes; dims are 1 to 4 positive lengths, innermost first, and
// typ is its ggml type id.
func (w *Writer) Tensor(name string, typ uint32, dims []int64, size int64) error {
	switch {
	case w.err != nil:
		return w.err
	case w.begun:
		return w.fail("tensor %s after the first data", quoted(name))
	case name == "" || len(name) > maxName:
		return w.fail("tensor name of %d bytes, allowed: 1 to %d", len(name), maxName)
	case w.names[name]:
		return w.fail("tensor %s described twice", quoted(name))
	case len(w.tensors) == maxTensors:
		return w.fail("tensor %s is one more than the %d allowed", quoted(name), maxTensors)
	case len(dims) == 0 || len(dims) > maxDims:
		return w.fail("tensor %s has %d dimensions, allowed: 1 to %d", quoted(name), len(dims), maxDims)
	}
	product, empty := int64(1), slices.Contains(dims, 0)
	for _, d := range dims {
		if d < 0 || product > math.MaxInt64/max(1, d) {
			return w.fail("tensor %s has shape %v, allowed: 0 and more, with a product of at most 2^63-1", quoted(name), dims)
		}
		product *= max(1, d)
	}
	if size < 0 || size == 0 && !empty || size > math.MaxInt64-w.end-2*w.align {
		return w.fail("tensor %s has %d bytes", quoted(name), size)
	}
	t := Tensor{Name: name, Dims: dims, Type: typ, Offset: align(w.end, w.align), Size: size}
	w.end = t.Offset + size
	le, b := binary.LittleEndian, appendString(w.infos, name)
	b = le.AppendUint32(b, uint32(len(dims)))
	for _, d := range dims {
		b = le.AppendUint64(b, uint64(d))
	}
	b = le.AppendUint32(b, typ)
	w.infos = le.AppendUint64(b, uint64(t.Offset))
	w.tensors, w.names[name] = append(w.tensors, t), true
	return nil
}

// Data appends p to the data of the named tensor, which must be the one being written or, when that
// is complete, the one described next. A tensor may come in any number of pieces.
func (w *Writer) Data(name string, p []byte) error {
	w.begin()
	if w.err != nil {
		return w.err
	}
	if w.left == 0 {
		if w.next == len(w.tensors) {
			return w.fail("data of tensor %s after the last one", quoted(name))
		}
		t := &w.tensors[w.next]
		w.pad(t.Offset - w.end)
		w.next, w.left, w.end = w.next+1, t.Size, t.Offset
	}
	switch t := &w.tensors[w.next-1]; {
	case t.Name != name:
		return w.fail("data of tensor %s where %d bytes of %s are due", quoted(name), w.left, quoted(t.Name))
	case int64(len(p)) > w.left:
		return w.fail("%d bytes for tensor %s, which lacks %d of its %d", len(p), quoted(name), w.left, t.Size)
	}
	w.write(p)
	w.left -= int64(len(p))
	w.end += int64(len(p))
	return w.err
}

// Close completes the file.
func (w *Writer) Close() error {
	w.begin()
	if w.err == nil && w.left > 0 {
		return w.fail("tensor %s lacks %d bytes", quoted(w.tensors[w.next-1].Name), w.left)
	}
	if w.err == nil && w.next < len(w.tensors) {
		return w.fail("tensor %s has no data", quoted(w.tensors[w.next].Name))
	}
	w.pad(align(w.end, w.align) - w.end) // llama.cpp wants the last tensor padded too
	w.end = align(w.end, w.align)
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

// begin writes the header, once.
func (w *Writer) begin() {
	if w.begun || w.err != nil {
		return
	}
	w.begun, w.end = true, 0
	le, h := binary.LittleEndian, []byte(magic)
	h = le.AppendUint32(h, 3)
	h = le.AppendUint64(h, uint64(len(w.tensors)))
	h = le.AppendUint64(h, w.nEntries)
	n := int64(len(h) + len(w.entries) + len(w.infos))
	if n > maxHeader {
		w.fail("a header of %d bytes, allowed: %d", n, maxHeader)
		return
	}
	w.write(h)
	w.write(w.entries)
	w.write(w.infos)
	w.pad(align(n, w.align) - n)
}

func (w *Writer) write(p []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

func (w *Writer) pad(n int64) {
	var zero [4096]byte
	for ; n > 0 && w.err == nil; n -= int64(len(zero)) {
		w.write(zero[:min(n, int64(len(zero)))])
	}
}
