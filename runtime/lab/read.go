package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/kvgen/kvgen/runtime/state"
)

// maxLine is more than the line of a chunk of the longest context.
const maxLine = 64 << 20

// read reads a journal up to where its whole lines end. An empty one is no error, nor is a last
// line that was cut or does not have its checksum: it is left out, and noted.
func read(path string, r io.Reader) (j *Journal, err error) {
	j = &Journal{path: path, chunks: map[chunkKey]chunkLine{}}
	b := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		text, err := readLine(b)
		switch {
		case errors.Is(err, io.EOF):
			return j, nil
		case errors.Is(err, errCut) && (n > 1 || bytes.HasPrefix([]byte(firstKey), text[:min(len(text), len(firstKey))])):
			return j, j.omit(n, "cut, as by a program that was killed")
		case errors.Is(err, errCut):
			err = errNoJournal
		case err == nil:
			err = j.line(n, text)
		}
		if _, end := b.Peek(1); errors.Is(err, errSum) && n > 1 && errors.Is(end, io.EOF) {
			return j, j.omit(n, "damaged")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		j.at.bytes += int64(len(text))
	}
}

// omit records that the last line was left out.
func (j *Journal) omit(n int, why string) error {
	j.notes = append(j.notes, fmt.Sprintf("%s: the last line, number %d, is %s: it is left out, and run again by the same command", j.path, n, why))
	return nil
}

// firstKey begins the first line.
const firstKey = `{"kvrun_sweep":`

var (
	errNoJournal = errors.New("this is no journal of kvrun sweep")
	errSum       = errors.New("its checksum differs: the line was changed, or lines before it were, or are missing")
)

// line checks line number n and takes it.
func (j *Journal) line(n int, text []byte) error {
	if n == 1 {
		var first struct {
			Format int `json:"kvrun_sweep"`
		}
		switch err := json.Unmarshal(text, &first); {
		case !bytes.HasPrefix(text, []byte(firstKey)) || err != nil || first.Format == 0:
			return errNoJournal
		case first.Format == 1:
			return errors.New("a journal of form 1, whose lines have no checksums and which does not say enough of its model: measure again")
		case first.Format != format:
			return fmt.Errorf("a journal of form %d: this program reads form %d", first.Format, format)
		}
	}
	if j.finished != nil {
		return errors.New("it follows the line that ends the journal")
	}
	was := j.at
	body, ok := j.at.unseal(text)
	if !ok {
		return errSum
	}
	return j.accept(n, body, was)
}

// readLine returns a line with its end; without one the error is errCut.
func readLine(b *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		piece, err := b.ReadSlice('\n')
		text = append(text, piece...)
		switch {
		case err == nil:
			return text, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(text) < maxLine:
		case errors.Is(err, bufio.ErrBufferFull):
			return text, fmt.Errorf("more than %d bytes", maxLine)
		case errors.Is(err, io.EOF) && len(text) > 0:
			return text, errCut
		default:
			return text, err
		}
	}
}

// accept adds line number n; the file before it ended at was.
func (j *Journal) accept(n int, text []byte, was end) error {
	var l line
	if err := state.Decode(text, &l); err != nil {
		return err
	}
	switch {
	case n == 1 && l.Header == nil:
		return errNoJournal
	case n == 1 && l.Header.Model.Identity != nil && l.Header.Model.Identity.Hash() != l.Header.Model.Hash:
		return errors.New("the hash of its model is not that of the identity beside it")
	case n == 1:
		j.Header = *l.Header
	case l.Setting != nil:
		if l.Setting.Context < 4 || l.Setting.Context > 1<<24 {
			return fmt.Errorf("chunks of %d tokens: want 4 to %d", l.Setting.Context, 1<<24)
		}
		j.settings = append(j.settings, *l.Setting)
	case l.Cell != nil:
		j.cells = append(j.cells, *l.Cell)
	case l.Chunk != nil:
		return j.acceptChunk(*l.Chunk)
	case l.End != nil && l.End.Lines == was.lines:
		j.finished = &was
	default:
		return errors.New("neither setting, cell, chunk nor end")
	}
	return nil
}

// acceptChunk adds a chunk that check allows.
func (j *Journal) acceptChunk(c chunkLine) error {
	err := j.check(c)
	if err == nil {
		j.chunks[c.key()] = c
	}
	return err
}

// check is of what summaries rely on.
func (j *Journal) check(c chunkLine) error {
	switch {
	case c.Setting < 0 || c.Setting >= len(j.settings):
		return fmt.Errorf("setting %d: there are %d, from 0", c.Setting, len(j.settings))
	case c.Cell < Reference || c.Cell >= len(j.cells):
		return fmt.Errorf("cell %d: there are %d, from 0", c.Cell, len(j.cells))
	case c.Chunk < 0 || c.Chunk > 1<<24:
		return fmt.Errorf("chunk %d: want 0 to %d", c.Chunk, 1<<24)
	}
	scored := j.settings[c.Setting].Scored()
	kld, top := 4*scored, (scored+7)/8
	if c.Cell == Reference {
		kld, top = 0, 0
	}
	if len(c.NLL) != 4*scored || len(c.KLD) != kld || len(c.Top) != top {
		return fmt.Errorf("nll, kld and same_top of %[4]d positions have %[1]d, %[2]d and %[3]d bytes: want %[5]d, %[6]d and %[7]d", len(c.NLL), len(c.KLD), len(c.Top), scored, 4*scored, kld, top)
	}
	if _, twice := j.chunks[c.key()]; twice {
		return fmt.Errorf("chunk %d of cell %d is there twice", c.Chunk, c.Cell)
	}
	if _, ok := j.chunks[chunkKey{c.Setting, Reference, c.Chunk}]; !ok && c.Cell != Reference {
		return fmt.Errorf("chunk %d of cell %d has no reference before it", c.Chunk, c.Cell)
	}
	for what, values := range map[string][]byte{"nll": c.NLL, "kld": c.KLD} {
		for i := range len(values) / 4 {
			if v := float64(float(values, i)); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%s of position %d of chunk %d of cell %d is %v: want a finite number", what, i, c.Chunk, c.Cell, v)
			}
		}
	}
	return nil
}
