package eval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// baseSeal is what follows the rows of a base file that was written here: a line of its form, then
// this in JSON.
type baseSeal struct {
	Head   string         `json:"head"`   // checksum of all before the rows
	Chunks []string       `json:"chunks"` // of the rows of each chunk
	Model  model.Identity `json:"model"`
	Sum    string         `json:"sum"` // of the seal without this
}

const (
	sealMagic    = "kvrun base 2\n"
	sealMagicOld = "kvrun base of  " // and 64 digits that said too little of the model
	maxSeal      = 64 << 20
)

func (s *baseSeal) sum() (string, error) {
	c := *s
	c.Sum = ""
	return state.Sum(&c)
}

func (s *baseSeal) write(w io.Writer) (err error) {
	if s.Sum, err = s.sum(); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = w.Write(append([]byte(sealMagic), text...))
	}
	return err
}

// readSeal reads the seal between a place and the end of a file of size bytes. A seal of an earlier
// version says too little and is returned as nil.
func readSeal(r io.ReaderAt, at, size int64) (*baseSeal, error) {
	if size-at > maxSeal {
		return nil, errors.New("no seal")
	}
	text := make([]byte, size-at)
	if _, err := r.ReadAt(text, at); err != nil {
		return nil, err
	}
	if old, ok := bytes.CutPrefix(text, []byte(sealMagicOld)); ok && len(old) == 64 {
		return nil, nil
	}
	text, ok := bytes.CutPrefix(text, []byte(sealMagic))
	if !ok {
		return nil, errors.New("no seal")
	}
	s := &baseSeal{}
	if err := state.Decode(text, s); err != nil {
		return nil, fmt.Errorf("a damaged seal: %w", err)
	}
	if sum, err := s.sum(); err != nil || sum != s.Sum {
		return nil, errors.New("a damaged seal: its checksum differs")
	}
	return s, nil
}

// check compares the rows of a chunk with their checksum, where there is one.
func (b *Base) check(ctx context.Context, k int) error {
	if b.seal == nil {
		return nil
	}
	h := sha256.New()
	rows := io.NewSectionReader(b.r, b.shape.at(k*b.shape.scored()), int64(b.shape.scored())*b.shape.row())
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch _, err := io.CopyN(h, rows, 16<<20); {
		case errors.Is(err, io.EOF) && hexOf(h) != b.seal.Chunks[k]:
			return fmt.Errorf("the base file is damaged: the checksum of chunk %d differs", k)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the base file: %w", err)
		}
	}
}

// hexOf is the checksum of what was hashed, as state.SumOf writes it.
func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }
