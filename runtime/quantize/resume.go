package quantize

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/state"
)

// Part is the file in which the result at path grows, and which a later run continues.
func Part(path string) string { return path + ".part" }

// Journal is the file that says which tensors of Part(path) are finished.
func Journal(path string) string { return Part(path) + journalEnd }

// journalEnd is the end of the name of a part's journal.
const journalEnd = ".journal"

// writer is a file that grows.
type writer struct {
	plan    *Plan
	tensors []gguf.Tensor // of the result, with offsets from the start of the file
	size    int64
	part    *os.File
	log     *os.File
	next    int // the first tensor that is missing
}

// head is the first line of a journal.
type head struct {
	Format int    `json:"kvrun_quantize"`
	Plan   string `json:"plan"` // all that the bytes of the result depend on
}

// finished is another line: tensors are finished in their order.
type finished struct {
	Tensor string `json:"tensor"`
	Sum    string `json:"sum"` // of its bytes
}

const journalFormat = 1

// open begins the file at path, or continues it.
func (p *Plan) open(path string, to Progress) (*writer, error) {
	header, tensors, size, err := p.layout()
	if err != nil {
		return nil, err
	}
	w := &writer{plan: p, tensors: tensors, size: size}
	if err := own(path, header); err != nil {
		return nil, err
	}
	if w.part, err = os.OpenFile(Part(path), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	if err = state.Lock(w.part); err != nil {
		w.close()
		return nil, fmt.Errorf("%s: %w", Part(path), ErrBusy)
	}
	if w.log, err = os.OpenFile(Journal(path), os.O_RDWR|os.O_CREATE, 0o666); err == nil {
		err = w.resume(head{journalFormat, p.identity(header)}, header, to)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *writer) close() {
	for _, f := range []*os.File{w.part, w.log} {
		if f != nil {
			f.Close()
		}
	}
}

// identity is of all that the bytes of the result depend on: its header, which names the type of
// every tensor, what the types are, and the source.
func (p *Plan) identity(header []byte) string {
	pieces := [][]byte{header, []byte(p.source.Identity())}
	for _, c := range p.Choices {
		if c.Type != nil {
			pieces = append(pieces, []byte(c.Type.Identity))
		}
	}
	return state.SumOf(pieces...)
}

// resume finds out how far an earlier run came, and prepares the rest.
func (w *writer) resume(h head, header []byte, to Progress) error {
	at, err := w.read(h, header) // the reason is for a note
	var values int64
	for _, c := range w.plan.Choices[:w.next] {
		values += c.Tensor.values()
	}
	if st, e := w.part.Stat(); e == nil && st.Size() > 0 && to.Note != nil {
		switch {
		case w.next > 0:
			to.Note("%s is continued: %d of %d tensors are in it", w.part.Name(), w.next, len(w.tensors))
		case errors.Is(err, errOther):
			to.Note("%s, of another model or other types, is begun again", w.part.Name())
		}
	}
	if w.next > 0 && to.Kept != nil {
		to.Kept(values)
	}
	if err := w.log.Truncate(at); err != nil {
		return err
	}
	if _, err := w.log.Seek(at, io.SeekStart); err != nil {
		return err
	}
	if at == 0 { // before the part has anything in it, which own must know again
		if err := w.line(h); err != nil {
			return err
		}
	}
	end := w.size
	if w.next < len(w.tensors) {
		end = w.tensors[w.next].Offset
	}
	if err := w.part.Truncate(end); err != nil { // what is behind it becomes zeros
		return err
	}
	if err := w.part.Truncate(w.size); err != nil {
		return err
	}
	if w.next > 0 {
		return nil
	}
	_, err = w.part.WriteAt(header, 0)
	return err
}

// errOther is that a journal is of other inputs.
var errOther = errors.New("of other inputs")

// read reads the journal and checks the tensors that it says are finished. It returns where the
// journal goes on, and why that is not at its end.
func (w *writer) read(h head, header []byte) (at int64, err error) {
	const longest = 1 << 16 // bytes of a line
	lines := bufio.NewReaderSize(w.log, longest)
	was := make([]byte, len(header))
	for n := 0; n <= len(w.tensors); n++ {
		text, err := lines.ReadSlice('\n')
		if err != nil {
			return at, nil // a cut line, or the end
		}
		if n == 0 {
			var is head
			if json.Unmarshal(text, &is) != nil || is != h {
				return 0, errOther
			}
			if _, err := w.part.ReadAt(was, 0); err != nil || !bytes.Equal(was, header) {
				return 0, nil
			}
		} else {
			var f finished
			if json.Unmarshal(text, &f) != nil || f.Tensor != w.tensors[n-1].Name {
				return at, nil
			}
			if sum, err := w.sum(n - 1); err != nil || sum != f.Sum {
				return at, nil
			}
			w.next = n
		}
		at += int64(len(text))
	}
	return at, nil
}

// sum reads tensor i of the part and sums it as journal does.
func (w *writer) sum(i int) (string, error) {
	var sums []uint32
	var buffer []byte
	for _, b := range w.plan.Choices[i].bands() {
		buffer = sized(buffer, int(b.bytes))
		if _, err := w.part.ReadAt(buffer, w.tensors[i].Offset+b.at); err != nil {
			return "", err
		}
		sums = append(sums, crc32.Checksum(buffer, castagnoli))
	}
	return sumOf(sums), nil
}

func sumOf(sums []uint32) string {
	var b []byte
	for _, s := range sums {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return state.SumOf(b)
}

// journal notes that tensor i is finished.
func (w *writer) journal(i int, sums []uint32) error {
	return w.line(finished{w.tensors[i].Name, sumOf(sums)})
}

func (w *writer) line(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = w.log.Write(append(text, '\n'))
	}
	return err
}
