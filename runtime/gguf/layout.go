package gguf

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Copy adds a metadata entry as it is in another file.
func (w *Writer) Copy(from *File, key string) error {
	raw, found, err := from.Raw(key)
	switch {
	case w.err != nil:
		return w.err
	case err != nil:
		w.err = err
		return err
	case !found:
		return w.fail("metadata %s is to be copied and is not there", quoted(key))
	}
	elem, n, _ := from.Kind(key)
	if key == alignmentKey { // of the other file's data
		return nil
	}
	return w.add(key, func(b []byte) ([]byte, error) {
		if n < 0 {
			b = binary.LittleEndian.AppendUint32(b, uint32(elem))
		} else {
			b = appendArray(b, elem, n)
		}
		return append(b, raw...), nil
	})
}

// Layout ends the description of a file whose data is written by other means than Data. It returns
// the bytes before the data section, the tensors with their offsets from the start of the file, and
// the size of the whole. Bytes between tensors, and after the last, are zero.
func (w *Writer) Layout() (header []byte, tensors []Tensor, size int64, err error) {
	var b bytes.Buffer
	w.out.Reset(&b)
	end := align(w.end, w.align)
	w.begin()
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err != nil {
		return nil, nil, 0, w.err
	}
	tensors = slices.Clone(w.tensors)
	for i := range tensors {
		tensors[i].Offset += int64(b.Len())
	}
	w.fail("the description has ended")
	return b.Bytes(), tensors, int64(b.Len()) + end, nil
}
