package eval

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// A base file is llama-perplexity's record of a reference's distributions (--kl-divergence-base),
// in 16 bits:
//
//	"_logits_"  i32 n_ctx  i32 n_vocab  i32 n_chunk  i32 tokens[n_chunk][n_ctx]
//	for every scored position:  f32 scale  f32 least  u16 code[n_vocab, rounded up to even]
//
// The logarithm of a probability is scale*code + least. What lies more than 16 below the top is
// moved up to there, so that divergences from a base file have a floor of about 1e-5 and may be
// negative. All little-endian (llama.cpp, tools/perplexity/perplexity.cpp). After that, where
// llama-perplexity does not read, files written here have a seal: whose they are, and checksums.
const (
	baseMagic  = "_logits_"
	baseWindow = 16

	maxBaseTokens = 1 << 26 // of all chunks; far more than any corpus that is measured on
)

// baseShape holds the sizes of a base file.
type baseShape struct{ context, vocab, chunks int }

func (b baseShape) header() int64  { return int64(len(baseMagic)) + 12 }
func (b baseShape) tokens() int64  { return 4 * int64(b.chunks) * int64(b.context) }
func (b baseShape) row() int64     { return 8 + 4*int64((b.vocab+1)/2) }
func (b baseShape) scored() int    { return Options{Context: b.context}.Scored() }
func (b baseShape) at(i int) int64 { return b.header() + b.tokens() + int64(i)*b.row() }
func (b baseShape) size() int64    { return b.at(b.chunks * b.scored()) }

// fits reports whether a file of so many bytes can hold all rows. It divides, as products of a
// hostile header overflow.
func (b baseShape) fits(bytes int64) bool {
	return bytes >= b.at(0) && (bytes-b.at(0))/b.row()/int64(b.scored()) >= int64(b.chunks)
}

// BaseWriter writes a base file, row after row.
type BaseWriter struct {
	w     io.Writer
	shape baseShape
	rows  int // still to come
	buf   []byte
	seal  baseSeal
	chunk hash.Hash // of the rows of the chunk in work
}

// NewBaseWriter writes the part before the rows. Write is to be called for every scored position,
// then Close.
func NewBaseWriter(w io.Writer, t Text, o Options, vocab int) (*BaseWriter, error) {
	n, err := o.Count(t)
	if err != nil {
		return nil, err
	}
	b := &BaseWriter{w: w, shape: baseShape{o.Context, vocab, n}, chunk: sha256.New()}
	b.rows = n * b.shape.scored()
	b.buf = append(b.buf, baseMagic...)
	for _, v := range []int{o.Context, vocab, n} {
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(v))
	}
	for _, t := range t.Tokens[:n*o.Context] {
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(t))
	}
	b.seal.Head = state.SumOf(b.buf)
	_, err = w.Write(b.buf)
	return b, err
}

// Write writes the row of one position.
func (b *BaseWriter) Write(logits []float32) error {
	if len(logits) != b.shape.vocab {
		return fmt.Errorf("a row of %d logits: the base file has a vocabulary of %d", len(logits), b.shape.vocab)
	}
	if b.rows--; b.rows < 0 {
		return errors.New("the base file has all its rows: want no more")
	}
	b.buf = appendRow(b.buf[:0], logits)
	if b.chunk.Write(b.buf); b.rows%b.shape.scored() == 0 {
		b.seal.Chunks = append(b.seal.Chunks, hexOf(b.chunk))
		b.chunk.Reset()
	}
	_, err := b.w.Write(b.buf)
	return err
}

// Close writes the seal: the model whose rows they were, and checksums.
func (b *BaseWriter) Close(id *model.Identity) error {
	if b.rows != 0 {
		return fmt.Errorf("the base file lacks %d rows", b.rows)
	}
	b.seal.Model = *id
	return b.seal.write(b.w)
}

// appendRow appends logits in 16 bits. Every step is rounded to f32 as llama-perplexity does it.
func appendRow(b []byte, z []float32) []byte {
	var s scratch
	top, ln := s.logSumExp(z)
	least := max(slices.Min(z), top-baseWindow)
	scale := (top - least) / 65535
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(scale))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(least-top-float32(ln)))
	inv := 1 / scale
	for _, l := range z {
		code := uint16(0)
		if scale != 0 && l > least {
			code = uint16(math.RoundToEven(float64(inv * (l - least))))
		}
		b = binary.LittleEndian.AppendUint16(b, code)
	}
	if len(z)%2 != 0 {
		b = append(b, 0, 0)
	}
	return b
}

// Base is an open base file. Its text is the text of its chunks alone.
type Base struct {
	Context, Vocab, Chunks int
	Tokens                 []int32 // [Chunks][Context]
	// the model that made the rows; nil in files of llama-perplexity, which have no checksums
	// either
	Model *model.Identity

	seal  *baseSeal
	shape baseShape
	r     io.ReaderAt
}

// OpenBase reads a base file of size bytes up to its rows, which stay in r.
func OpenBase(r io.ReaderAt, size int64) (*Base, error) {
	head := make([]byte, len(baseMagic)+12)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:len(baseMagic)]) != baseMagic {
		return nil, fmt.Errorf("no base file: it does not start with %q", baseMagic)
	}
	number := func(i int) int { return int(int32(binary.LittleEndian.Uint32(head[len(baseMagic)+4*i:]))) }
	b := &Base{Context: number(0), Vocab: number(1), Chunks: number(2), r: r}
	if b.Context < 4 || b.Context > 1<<24 || b.Vocab < 1 || b.Vocab > 1<<24 || b.Chunks < 1 || b.Chunks > 1<<24 {
		return nil, fmt.Errorf("no base file: %d chunks of %d tokens of a vocabulary of %d: want at least 1, 4 and 1, and at most %d", b.Chunks, b.Context, b.Vocab, 1<<24)
	}
	b.shape = baseShape{b.Context, b.Vocab, b.Chunks}
	if n := b.shape.tokens() / 4; n > maxBaseTokens {
		return nil, fmt.Errorf("no base file: %d chunks of %d tokens: at most %d tokens are read", b.Chunks, b.Context, maxBaseTokens)
	}
	if !b.shape.fits(size) {
		return nil, fmt.Errorf("the base file is cut: it has %d bytes, too few for %d chunks of %d tokens of a vocabulary of %d", size, b.Chunks, b.Context, b.Vocab)
	}
	whole := b.shape.size()
	switch {
	case size > whole:
		seal, err := readSeal(r, whole, size)
		if err != nil {
			return nil, fmt.Errorf("the base file has %d bytes, and %d chunks of %d tokens take %d: what follows is %w", size, b.Chunks, b.Context, whole, err)
		}
		if b.seal = seal; seal != nil {
			b.Model = &seal.Model
		}
	}
	tokens := make([]byte, b.shape.tokens())
	if _, err := r.ReadAt(tokens, b.shape.header()); err != nil {
		return nil, err
	}
	b.Tokens = make([]int32, 0, b.Chunks*b.Context)
	for i := range b.Chunks * b.Context {
		t := int32(binary.LittleEndian.Uint32(tokens[4*i:]))
		if t < 0 || int(t) >= b.Vocab {
			return nil, fmt.Errorf("token %d of the base file is %d: its vocabulary has %d", i, t, b.Vocab)
		}
		b.Tokens = append(b.Tokens, t)
	}
	if b.seal != nil && (state.SumOf(head, tokens) != b.seal.Head || len(b.seal.Chunks) != b.Chunks) {
		return nil, errors.New("the base file is damaged: the checksum of its text differs")
	}
	return b, nil
}
