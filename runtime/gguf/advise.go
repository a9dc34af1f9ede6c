package gguf

import "os"

// Drop tells the system that t's pages need not stay in memory, as after a repacked copy was made: they leave the
// process and are read again if touched. Only pages that hold nothing but t are dropped. It is a hint: systems are
// free to keep them, and macOS does until it needs the memory.
func (f *File) Drop(t *Tensor) error { return f.advise(t, false) }

// Prefetch starts reading t's pages in the background, where the system can.
func (f *File) Prefetch(t *Tensor) error { return f.advise(t, true) }

func (f *File) advise(t *Tensor, need bool) error {
	if _, err := f.Data(t); err != nil || f.os == nil { // in memory there is nothing to advise on
		return err
	}
	page := int64(os.Getpagesize())
	from, to := align(t.Offset, page), (t.Offset+t.Size)&^(page-1)
	if need { // outwards: the partial pages at the ends are wanted too
		from, to = t.Offset&^(page-1), min(align(t.Offset+t.Size, page), f.Size)
	}
	if from >= to {
		return nil
	}
	return advisePages(f.data[from:to], need)
}
