package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kvgen/kvgen/runtime/gguf"
)

// Digests keeps the digests of models' weights, as reading all weights of a large model takes
// seconds. What is kept counts for a file with the very stamp that it had, which any write changes,
// and with the same bytes at the ends of every tensor. A nil *Digests keeps nothing.
type Digests struct {
	Folder string

	// Reading, unless nil, is called before all weights are read, with their bytes.
	Reading func(bytes int64)
}

const (
	digestForm  = "kvrun weights 1"
	digestEnds  = 2048     // bytes at either end of a tensor that must be as they were
	digestPiece = 4 << 20  // bytes that one goroutine reads at a time
	digestWorth = 32 << 20 // bytes of weights below which nothing is kept: they are read in no time
	maxDigest   = 1 << 20  // bytes of a kept digest, of a model of thousands of parts
)

// digestSettle is how long ago a file's last change must be: one that changed lately may change
// again within the grain of its time.
var digestSettle = 10 * time.Second

// kept is the file of one digest.
type kept struct {
	Form    string       `json:"form"`
	Stamps  []gguf.Stamp `json:"stamps"` // of the parts of the model
	Ends    string       `json:"ends"`   // digest of the first and last bytes of every tensor
	Weights string       `json:"weights"`
	Sum     string       `json:"sum"` // digest of all above
}

func (k *kept) sum() string {
	return digestOf(fmt.Appendf(nil, "%q %v %q %q", k.Form, k.Stamps, k.Ends, k.Weights))
}

// path is the file for the files with these stamps.
func (d *Digests) path(stamps []gguf.Stamp) string {
	h := sha256.New()
	for _, s := range stamps {
		fmt.Fprintln(h, s.Device, s.Inode)
	}
	return filepath.Join(d.Folder, hex.EncodeToString(h.Sum(nil)[:16])+".json")
}

// weights is the digest of all tensors of f.
func (d *Digests) weights(f *gguf.File, stop func() error) (string, error) {
	bytes := int64(0)
	for _, t := range f.Tensors() {
		bytes += t.Size
	}
	if bytes < digestWorth {
		return digestTensors(f, 0, nil)
	}
	if d == nil || d.Folder == "" {
		return digestTensors(f, 0, stop)
	}
	before, ok := f.Stamps()
	if !ok {
		d.reading(bytes)
		return digestTensors(f, 0, stop)
	}
	still := settled(before) // by now: a change while the weights are read has another time
	sample, err := digestTensors(f, digestEnds, stop)
	if err != nil {
		return "", err
	}
	if k, ok := d.find(before); ok && k.Ends == sample {
		return k.Weights, nil
	}
	d.reading(bytes)
	w, err := digestTensors(f, 0, stop)
	if err != nil {
		return "", err
	}
	if after, ok := f.Stamps(); ok && slices.Equal(before, after) && still {
		d.keep(kept{Form: digestForm, Stamps: before, Ends: sample, Weights: w})
	}
	return w, nil
}

func (d *Digests) reading(bytes int64) {
	if d.Reading != nil {
		d.Reading(bytes)
	}
}

// settled says whether the last change of all files is long enough ago that a further one has
// another time.
func settled(stamps []gguf.Stamp) bool {
	for _, s := range stamps {
		if since := time.Since(time.Unix(0, max(s.Changed, s.Written))); since < digestSettle {
			return false
		}
	}
	return true
}

// find returns the digest kept for files with exactly these stamps. One that is not as keep wrote
// it, or that somebody else could have written, does not count.
func (d *Digests) find(stamps []gguf.Stamp) (k kept, ok bool) {
	path := d.path(stamps)
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxDigest || !ownFile(st) {
		return k, false
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &k) != nil {
		return k, false
	}
	return k, k.Form == digestForm && k.Sum == k.sum() && slices.Equal(k.Stamps, stamps)
}

// keep writes a digest; that it cannot is no error, as it is only made again then.
func (d *Digests) keep(k kept) {
	k.Sum = k.sum()
	text, err := json.Marshal(k)
	if err != nil || len(text) > maxDigest || os.MkdirAll(d.Folder, 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(d.Folder, "new-*") // of mode 0600
	if err != nil {
		return
	}
	defer os.Remove(tmp.Name()) // fails once it has its final name
	_, err = tmp.Write(text)
	if e := tmp.Close(); err == nil && e == nil {
		os.Rename(tmp.Name(), d.path(k.Stamps))
	}
}

// digestTensors is a digest of all tensors, in the order of their names: of all of their bytes, or
// of so many at either end of each where ends is not 0.
func digestTensors(f *gguf.File, ends int64, stop func() error) (string, error) {
	type piece struct {
		t      *gguf.Tensor
		lo, hi int64
		sum    [sha256.Size]byte
	}
	var all []piece
	var order []*gguf.Tensor
	for i := range f.Tensors() {
		order = append(order, &f.Tensors()[i])
	}
	slices.SortFunc(order, func(a, b *gguf.Tensor) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range order {
		switch {
		case ends > 0 && t.Size > 2*ends:
			all = append(all, piece{t: t, hi: ends}, piece{t: t, lo: t.Size - ends, hi: t.Size})
		default: // a tensor of a type that nothing here reads has no bytes
			for lo := int64(0); lo < t.Size; lo += digestPiece {
				all = append(all, piece{t: t, lo: lo, hi: min(lo+digestPiece, t.Size)})
			}
		}
	}
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		group.Go(func() {
			errs[w] = f.Guard(func() error {
				for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
					if stop != nil {
						if err := stop(); err != nil {
							return err
						}
					}
					p := &all[i]
					data, err := f.Data(p.t)
					if err != nil {
						return err
					}
					p.sum = sha256.Sum256(data[p.lo:p.hi])
				}
				return nil
			})
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	h := sha256.New()
	for _, t := range order {
		fmt.Fprintf(h, "%q %v %d %d\n", t.Name, t.Dims, t.Type, t.Size)
	}
	for i := range all {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(all[i].hi-all[i].lo)))
		h.Write(all[i].sum[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
