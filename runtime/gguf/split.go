package gguf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A split model is several files named NAME-00001-of-0000N.gguf and so on. Each is a whole GGUF
// file with its own part of the tensors; the metadata is in the first. These keys say which part a
// file is, counted from 0 (format: llama.cpp, tools/gguf-split).
const (
	splitNoKey      = "split.no"
	splitCountKey   = "split.count"
	splitTensorsKey = "split.tensors.count"
)

// part reads which part of how many a file is, 0 of 1 for one that is not split.
func (f *File) part() (no, count int, err error) {
	u, found, err := f.U32(splitCountKey)
	if err != nil || !found || u <= 1 {
		return 0, 1, err
	}
	if u > maxParts {
		return 0, 1, fmt.Errorf("gguf: %s = %d: the limit is %d", splitCountKey, u, maxParts)
	}
	n, found, err := f.U32(splitNoKey)
	if err == nil && (!found || n >= u) {
		err = fmt.Errorf("gguf: %s = %d, present: %t: want one of 0 to %d", splitNoKey, n, found, u-1)
	}
	return int(n), int(u), err
}

// join opens the other parts of the model whose first part is f, at path, and takes their tensors
// in. What it opened belongs to f, after an error too.
func (f *File) join(path string, sizes TypeSize) error {
	no, count, err := f.part()
	if err != nil || count == 1 {
		return err
	}
	name := func(i int) string { return fmt.Sprintf("-%05d-of-%05d.gguf", i+1, count) }
	if no != 0 {
		return fmt.Errorf("gguf: part %d of %d: open the first, whose name ends in %s", no+1, count, name(0))
	}
	prefix, ok := strings.CutSuffix(path, name(0))
	if !ok {
		return fmt.Errorf("gguf: part 1 of %d: the others are found by name, and this name does not end in %s", count, name(0))
	}
	for i := 1; i < count; i++ {
		p, err := openPart(prefix+name(i), sizes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("part %d of %d is missing: there is no %s", i+1, count, prefix+name(i))
		case err != nil:
			return fmt.Errorf("part %d of %d: %w", i+1, count, err)
		}
		f.parts = append(f.parts, p)
		if err := f.take(p, i, count); err != nil {
			return fmt.Errorf("%s: %w", prefix+name(i), err)
		}
	}
	total, found, err := f.U32(splitTensorsKey)
	if err == nil && found && int(total) != len(f.tensors) {
		err = fmt.Errorf("gguf: %s = %d: the %d parts have %d tensors", splitTensorsKey, total, count, len(f.tensors))
	}
	return err
}

// take adds the tensors of part no.
func (f *File) take(p *File, no, count int) error {
	n, c, err := p.part()
	switch {
	case err != nil:
		return err
	case n != no || c != count:
		return fmt.Errorf("gguf: this is part %d of %d, want part %d of %d", n+1, c, no+1, count)
	case len(f.tensors)+len(p.tensors) > maxTensors:
		return fmt.Errorf("gguf: more than %d tensors in the parts so far", maxTensors)
	}
	for _, t := range p.tensors {
		if _, dup := f.byName[t.Name]; dup {
			return fmt.Errorf("gguf: tensor %s is in an earlier part, too", quoted(t.Name))
		}
		t.part = no
		f.byName[t.Name] = len(f.tensors)
		f.tensors = append(f.tensors, t)
	}
	return nil
}

// holder is the part that holds a tensor.
func (f *File) holder(t *Tensor) *File {
	if t.part > 0 && t.part <= len(f.parts) {
		return f.parts[t.part-1]
	}
	return f
}
