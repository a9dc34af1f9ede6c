package quantize

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"sync/atomic"
)

// Progress is told how far Write has come.
type Progress struct {
	Kept func(values int64)               // of an earlier run, once
	Done func(values int64)               // more of them, from several goroutines
	Note func(format string, args ...any) // what is worth knowing
}

// Write writes the model to path on so many threads. When ctx ends it, or anything else does, what
// is finished stays in files beside path (Part) for the next call.
func (p *Plan) Write(ctx context.Context, path string, threads int, to Progress) error {
	w, err := p.open(path, to)
	if err != nil {
		return err
	}
	defer w.close()
	for i := w.next; i < len(p.Choices); i++ {
		if err := w.tensor(ctx, i, threads, to.Done); err != nil {
			return err
		}
	}
	return w.commit(path)
}

// bandValues is about how many values a thread takes at once.
const bandValues = 1 << 18

// band is rows that a thread takes at once, and its place in the result.
type band struct {
	first, rows int64
	at, bytes   int64 // in the tensor
}

// bands are those of a choice. They depend on nothing but its shape.
func (c *Choice) bands() []band {
	rows, columns := c.Tensor.rows(), c.Tensor.Dims[0]
	if rows == 0 || columns == 0 {
		return nil
	}
	stride := c.bytes / rows
	each := max(1, bandValues/columns)
	var all []band
	for first := int64(0); first < rows; first += each {
		n := min(each, rows-first)
		all = append(all, band{first, n, first * stride, n * stride})
	}
	return all
}

// tensor writes tensor i and notes it in the journal.
func (w *writer) tensor(ctx context.Context, i, threads int, done func(int64)) error {
	c := &w.plan.Choices[i]
	bands := c.bands()
	sums := make([]uint32, len(bands))
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, min(threads, len(bands)))
	for t := range errs {
		group.Go(func() {
			errs[t] = func() error {
				e := w.plan.encoder(i)
				for k := next.Add(1) - 1; k < int64(len(bands)); k = next.Add(1) - 1 {
					if err := ctx.Err(); err != nil {
						return err
					}
					b := bands[k]
					packed, err := e.band(b)
					if err != nil {
						return err
					}
					if _, err := w.part.WriteAt(packed, w.tensors[i].Offset+b.at); err != nil {
						return err
					}
					sums[k] = crc32.Checksum(packed, castagnoli)
					if done != nil {
						done(b.rows * c.Tensor.Dims[0])
					}
				}
				return nil
			}()
			if errs[t] != nil {
				next.Store(int64(len(bands)))
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return w.journal(i, sums)
}

// encoder makes the bytes of bands of a tensor.
type encoder struct {
	plan   *Plan
	i      int
	c      *Choice
	source []byte
	values []float32
	packed []byte
}

func (p *Plan) encoder(i int) *encoder { return &encoder{plan: p, i: i, c: &p.Choices[i]} }

// band returns the bytes of a band, which the next call overwrites.
func (e *encoder) band(b band) ([]byte, error) {
	from, columns := &e.c.Tensor, e.c.Tensor.columns()
	e.packed = sized(e.packed, int(b.bytes))
	if from.Type == e.c.Type {
		return e.packed, e.plan.source.Bytes(e.i, b.at, e.packed)
	}
	stride := from.Type.RowBytes(columns)
	e.source = sized(e.source, int(b.rows)*stride)
	if err := e.plan.source.Bytes(e.i, b.first*int64(stride), e.source); err != nil {
		return nil, err
	}
	e.values = sized(e.values, int(b.rows)*columns)
	decode, out := from.Type.Best().Decode, e.c.Type.RowBytes(columns)
	for r := range int(b.rows) {
		x := e.values[r*columns:][:columns]
		decode(x, e.source[r*stride:][:stride])
		if d := from.Type.Domain; d != nil {
			d.Best().Inverse(x)
		}
		if at := notNumber(x); at >= 0 {
			return nil, fmt.Errorf("tensor %s: value %d of row %d is %v: a model is all numbers", from.Name, at, b.first+int64(r), x[at])
		}
		e.c.Type.Best().Encode(e.packed[r*out:][:out], x)
	}
	return e.packed, nil
}

// notNumber is the index of a value that is infinite or no number, -1 for none.
func notNumber(x []float32) int {
	sum := float32(0)
	for _, v := range x {
		sum += v * 0
	}
	if sum == 0 {
		return -1
	}
	for i, v := range x {
		if v*0 != 0 {
			return i
		}
	}
	return -1
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrBusy is that another program writes the same file.
var ErrBusy = errors.New("another program writes it")

// commit gives the file its name.
func (w *writer) commit(path string) error {
	if err := w.part.Sync(); err != nil {
		return err
	}
	if old, err := os.Stat(path); err == nil {
		if err := w.part.Chmod(old.Mode().Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	name := w.part.Name()
	w.close() // Windows renames no open file
	if err := os.Rename(name, path); err != nil {
		return err
	}
	return os.Remove(name + journalEnd)
}
