package generate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// A prompt cache is, little-endian:
//
//	"kvrunPC2"  u32 bytes of the head, the head in JSON  i32 token (n_tokens)
//	the saved cache of these in sequence 0 (kv.Cache.Save)  SHA-256 of all before
const (
	promptMagic    = "kvrunPC2"
	promptMagicOld = "kvrunPC1"
	sessionMagic   = "nsgg" // of llama.cpp's files of this name, as its integer lies there
	maxHead        = 1 << 20
)

// Head says what the rows of a prompt cache are of. Cache types, rotations and offsets are in the
// saved cache.
type Head struct {
	Tokens  int            `json:"n_tokens"`
	Fresh   int            `json:"n_fresh"` // of them, those with rows of a run from the start
	Long    bool           `json:"long"`    // keys have the frequencies of a long context
	Math    string         `json:"math"`
	By      string         `json:"isa"`
	Program string         `json:"program"`
	Model   model.Identity `json:"model"`
}

// ErrDamaged is what reading says of a prompt cache that differs from what was written.
var ErrDamaged = errors.New("it is cut or damaged: its checksum differs")

// ReadHead reads a prompt cache up to its tokens.
func ReadHead(r io.Reader) (h Head, err error) {
	start := make([]byte, len(promptMagic)+4)
	n, err := io.ReadFull(r, start)
	switch magic := string(start[:min(n, len(promptMagic))]); {
	case magic == promptMagicOld:
		return h, errors.New("it is of an earlier version, which has no checksum and does not say enough of its model: remove it, and it is made again")
	case len(magic) >= 4 && magic[:4] == sessionMagic:
		return h, errors.New("it is a session of llama.cpp, whose rows are laid out otherwise: name another file")
	case magic != promptMagic:
		return h, fmt.Errorf("it begins %.16q and not %q: it is no prompt cache", start[:n], promptMagic)
	case err != nil:
		return h, ErrDamaged
	}
	size := binary.LittleEndian.Uint32(start[len(promptMagic):])
	if size > maxHead {
		return h, ErrDamaged
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, ErrDamaged
	}
	if state.Decode(text, &h) != nil || h.Tokens < 0 || h.Tokens > 1<<30 || h.Fresh < 0 || h.Fresh > h.Tokens {
		return h, ErrDamaged
	}
	return h, nil
}

// writePrompt writes a prompt cache; save writes the cache.
func writePrompt(w io.Writer, h Head, tokens []int32, save func(io.Writer) error) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sum := sha256.New()
	all := io.MultiWriter(w, sum)
	var b bytes.Buffer
	b.WriteString(promptMagic)
	for _, x := range []any{uint32(len(text)), text, tokens} {
		if err := binary.Write(&b, binary.LittleEndian, x); err != nil {
			return err
		}
	}
	if _, err := all.Write(b.Bytes()); err != nil {
		return err
	}
	if err := save(all); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// summed reads a prompt cache of size bytes up to its checksum, and sums on the way.
type summed struct {
	file io.Reader // all
	io.Reader
	sum hash.Hash
}

func newSummed(r io.Reader, size int64) *summed {
	if size >= int64(len(promptMagic)+4+sha256.Size) { // of a shorter file the magic is to be seen
		size -= sha256.Size
	}
	s := &summed{file: r, sum: sha256.New()}
	s.Reader = io.TeeReader(io.LimitReader(r, size), s.sum)
	return s
}

// check reads what is left and compares the checksums. Whatever else was wrong with a file that is
// damaged is so because of that.
func (s *summed) check() error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	var want [sha256.Size]byte
	if _, err := io.ReadFull(s.file, want[:]); err != nil || !bytes.Equal(want[:], s.sum.Sum(nil)) {
		return ErrDamaged
	}
	if n, err := s.file.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return ErrDamaged
	}
	return nil
}
