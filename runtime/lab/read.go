package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine is more than the line of a chunk of the longest context.
const maxLine = 64 << 20

// read reads a journal and says how many bytes of it are whole lines. An empty one is no error, nor is a last line that
// was cut or does not parse.
func read(path string, r io.Reader) (j *Journal, whole int64, err error) {
	j = &Journal{path: path, chunks: map[place]chunkLine{}}
	b := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		text, err := readLine(b)
		switch {
		case errors.Is(err, io.EOF):
			return j, whole, nil
		case errors.Is(err, errCut) && (n > 1 || bytes.HasPrefix([]byte(`{"kvrun_sweep":`), text[:min(len(text), 15)])):
			return j, whole, nil
		case err == nil:
			err = j.take(n, text)
		case errors.Is(err, errCut):
			err = errNoJournal
		}
		if err != nil {
			if _, end := b.Peek(1); n > 1 && errors.Is(end, io.EOF) {
				return j, whole, nil // the last line: it is done again
			}
			return nil, 0, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		whole += int64(len(text))
	}
}

var errNoJournal = errors.New("this is no journal of kvrun sweep")

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

// take adds line number n.
func (j *Journal) take(n int, text []byte) error {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		if n == 1 {
			return errNoJournal
		}
		return err
	}
	switch {
	case n == 1 && (l.Header == nil || l.Format == 0):
		return errNoJournal
	case n == 1 && l.Format != format:
		return fmt.Errorf("a journal of form %d: this program reads form %d", l.Format, format)
	case n == 1:
		j.Header = *l.Header
	case l.Setting != nil:
		if l.Setting.Context < 4 || l.Setting.Context > 1<<24 {
			return fmt.Errorf("chunks of %d tokens", l.Setting.Context)
		}
		j.settings = append(j.settings, *l.Setting)
	case l.Cell != nil:
		j.cells = append(j.cells, *l.Cell)
	case l.Chunk != nil:
		return j.takeChunk(*l.Chunk)
	default:
		return errors.New("neither setting, cell nor chunk")
	}
	return nil
}

// takeChunk checks what summaries rely on.
func (j *Journal) takeChunk(c chunkLine) error {
	switch {
	case c.Setting < 0 || c.Setting >= len(j.settings):
		return fmt.Errorf("setting %d: there are %d", c.Setting, len(j.settings))
	case c.Cell < reference || c.Cell >= len(j.cells):
		return fmt.Errorf("cell %d: there are %d", c.Cell, len(j.cells))
	case c.Chunk < 0 || c.Chunk > 1<<24:
		return fmt.Errorf("chunk %d", c.Chunk)
	}
	scored := j.settings[c.Setting].scored()
	kld, top := 4*scored, (scored+7)/8
	if c.Cell == reference {
		kld, top = 0, 0
	}
	if len(c.NLL) != 4*scored || len(c.KLD) != kld || len(c.Top) != top {
		return fmt.Errorf("%d, %d and %d bytes of %d positions: want %d, %d and %d", len(c.NLL), len(c.KLD), len(c.Top), scored, 4*scored, kld, top)
	}
	at := place{c.Setting, c.Cell, c.Chunk}
	if _, twice := j.chunks[at]; twice {
		return fmt.Errorf("chunk %d of cell %d is there twice", c.Chunk, c.Cell)
	}
	j.chunks[at] = c
	return nil
}
