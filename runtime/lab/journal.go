package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/state"
)

// Journal holds every scored position of a sweep: in a file of JSON lines that grows chunk by
// chunk, or in memory alone.
//
// The first line is the header. Settings and cells get a line each before the first chunk that
// needs them, and are meant by their numbers, from 0 in order, afterwards. A line is written at
// once and whole. What a killed program left of one at the end of the file is dropped when it is
// opened again, so that no more than the chunk in work is lost. Settings, cells and chunks can be
// added to a journal, but nothing in it changes.
//
// Every line ends with a checksum of itself and of that of the line before, so that none can be
// changed, moved, left out or put in. The last line of a run that finished says so; it gives way
// when more is added. Without it the journal is shown with a note, since the last lines may be
// missing.
type Journal struct {
	Header Header

	path     string   // empty in memory
	f        *os.File // nil in memory, and when it was only read
	at       end      // of the file
	finished *end     // where the line that ends a finished run begins; nil for none
	notes    []string // of what was read
	settings []Setting
	cells    []cellLine
	chunks   map[chunkKey]chunkLine
}

// end is where lines of a journal end: how many there are, their bytes, and the checksum of the
// last.
type end struct {
	lines int
	bytes int64
	sum   string
}

// chunkKey is where a chunkLine belongs.
type chunkKey struct{ setting, cell, chunk int }

// Reference is the cell number of the reference.
const Reference = -1

// format is the version of the journal's lines.
const format = 2

// line is one line; one field of it is set, Header together with Format.
type line struct {
	Format  int        `json:"kvrun_sweep,omitempty"`
	Header  *Header    `json:"header,omitempty"`
	Setting *Setting   `json:"setting,omitempty"`
	Cell    *cellLine  `json:"cell,omitempty"`
	Chunk   *chunkLine `json:"chunk,omitempty"`
	End     *endLine   `json:"end,omitempty"`
}

// endLine says that all was run that had been asked for.
type endLine struct {
	Lines int `json:"lines"` // before it
}

type cellLine struct {
	Name string    `json:"name"`
	Swap *Swap     `json:"swap,omitempty"`
	Plan kv.Record `json:"plan"`
}

// chunkLine is the scored positions of a cell, or of the reference, in one chunk; bytes are in
// base64.
type chunkLine struct {
	Setting int     `json:"setting"`
	Cell    int     `json:"cell"` // Reference for the reference
	Chunk   int     `json:"chunk"`
	Bits    float64 `json:"bits_per_value,omitempty"`  // of the cell in this setting
	Bytes   float64 `json:"bytes_per_token,omitempty"` // the same
	Positions
}

func (c *chunkLine) key() chunkKey { return chunkKey{c.Setting, c.Cell, c.Chunk} }

// NewJournal is one in memory.
func NewJournal(h Header) *Journal { return &Journal{Header: h, chunks: map[chunkKey]chunkLine{}} }

// Open opens the journal at path, or starts one if there is no file. A journal of other inputs than
// h is refused, and so is a file that is no journal; neither is changed. The caller closes it.
func Open(path string, h Header) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := state.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another program writes this journal: %w", path, err)
	}
	j, err := read(path, f)
	if err == nil && j.at.bytes > 0 {
		err = j.Header.differs(path, h)
	}
	if err == nil {
		err = j.cut(f) // a line that was cut
	}
	if err == nil && j.at.bytes == 0 {
		j.Header, j.f = h, f
		err = j.write(line{Format: format, Header: &h})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	j.f = f
	return j, nil
}

// Read reads the journal at path and summarises it.
func Read(path string) (*Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	j, err := read(path, f)
	if err != nil {
		return nil, err
	}
	if j.at.bytes == 0 {
		return nil, fmt.Errorf("%s: a journal without its first line", path)
	}
	if j.finished == nil {
		j.notes = append(j.notes, fmt.Sprintf("the sweep of %s has not finished: what is shown is of the chunks so far", path))
	}
	r := j.Result()
	r.Notes = j.notes
	return r, nil
}

// Notes lists what was found in the file and is no error, such as a line that was cut.
func (j *Journal) Notes() []string { return j.notes }

// cut leaves in the file what was read, and goes on after it.
func (j *Journal) cut(f *os.File) error {
	err := f.Truncate(j.at.bytes)
	if err == nil {
		_, err = f.Seek(j.at.bytes, io.SeekStart)
	}
	return err
}

// finish adds the line that says that all was run.
func (j *Journal) finish() error {
	if j.f == nil || j.finished != nil {
		return nil
	}
	was := j.at
	err := j.write(line{End: &endLine{was.lines}})
	j.finished = &was
	return err
}

// Close closes the file.
func (j *Journal) Close() error {
	if j.f == nil {
		return nil
	}
	f := j.f
	j.f = nil
	return f.Close()
}

// differs returns an error if a journal's header is not h where that matters: other numbers would
// come from other inputs.
func (was *Header) differs(path string, h Header) error {
	if a, b := was.Model.Identity, h.Model.Identity; a != nil && b != nil {
		if err := b.Check(path, a); err != nil {
			return fmt.Errorf("%w; nothing was changed", err)
		}
	}
	for _, x := range []struct{ what, was, is string }{
		{"model", was.Model.Hash, h.Model.Hash}, {"reference cache", was.Reference, h.Reference}, {"math", was.Math, h.Math},
		{"instruction set or device", was.ISA, h.ISA}, {"batch size", fmt.Sprint(was.Batch), fmt.Sprint(h.Batch)},
		{"context that bits are counted at (--budget-ctx)", fmt.Sprint(was.BudgetContext), fmt.Sprint(h.BudgetContext)}, {"version of the program", was.Program, h.Program},
	} {
		if x.was != x.is {
			return fmt.Errorf("%s was written with another %s: %s, and now it is %s; nothing was changed", path, x.what, x.was, x.is)
		}
	}
	return nil
}

// write appends lines and sees to it that they reach the disk.
func (j *Journal) write(lines ...line) error {
	if j.f == nil || len(lines) == 0 {
		return nil
	}
	if j.finished != nil {
		j.at, j.finished = *j.finished, nil
		if err := j.cut(j.f); err != nil {
			return fmt.Errorf("cannot write the journal: %w", err)
		}
	}
	var b bytes.Buffer
	at := j.at
	for _, l := range lines {
		var one bytes.Buffer
		e := json.NewEncoder(&one)
		e.SetEscapeHTML(false)
		if err := e.Encode(l); err != nil {
			return err
		}
		text := at.seal(bytes.TrimSuffix(one.Bytes(), []byte("}\n")))
		at.bytes += int64(len(text))
		b.Write(text)
	}
	if _, err := j.f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	j.at = at
	return j.f.Sync()
}

// seal makes a line of JSON without its last brace.
func (e *end) seal(open []byte) []byte {
	e.sum = state.SumOf([]byte(e.sum), open)
	e.lines++
	return fmt.Appendf(nil, "%s%s%s%s", open, sumKey, e.sum, sumEnd)
}

// sumKey and sumEnd are what is around the checksum of a line.
const sumKey, sumEnd = `,"sum":"`, "\"}\n"

// unseal takes the checksum off a line, if it is right, and returns the JSON.
func (e *end) unseal(text []byte) ([]byte, bool) {
	body, ok := bytes.CutSuffix(text, []byte(sumEnd))
	at := bytes.LastIndex(body, []byte(sumKey))
	if !ok || at < 0 {
		return nil, false
	}
	next := *e
	if !bytes.Equal(next.seal(body[:at]), text) {
		return nil, false
	}
	*e = next
	return append(body[:at:at], '}'), true
}

// setting returns the number of a setting, -1 for a new one. Another text under the same name is
// refused: it is more likely an oversight than intended.
func (j *Journal) setting(s Setting) (int, error) {
	for _, old := range j.settings {
		if old.Corpus.Path == s.Corpus.Path && old.Corpus != s.Corpus {
			if old.Corpus.SHA256 == s.Corpus.SHA256 {
				return 0, fmt.Errorf("%s was written with other tokens of %s, %d of them where there are %d now: by other rules of the tokenizer; nothing was changed",
					j.path, s.Corpus.Path, old.Corpus.Tokens, s.Corpus.Tokens)
			}
			return 0, fmt.Errorf("%s was written with another text of the name %s: SHA-256 %.12s of %d bytes, and now it is %.12s of %d; nothing was changed",
				j.path, s.Corpus.Path, old.Corpus.SHA256, old.Corpus.Bytes, s.Corpus.SHA256, s.Corpus.Bytes)
		}
	}
	return slices.Index(j.settings, s), nil
}

// cell returns the number of a cell, -1 for a new one. A known name with another plan is refused.
func (j *Journal) cell(c Cell) (int, error) {
	i := slices.IndexFunc(j.cells, func(old cellLine) bool { return old.Name == c.Name })
	if i >= 0 && !reflect.DeepEqual(j.cells[i].Plan, c.Plan.Record(0)) {
		return 0, fmt.Errorf("%s has a cell %s of another plan than it has now; nothing was changed", j.path, c.Name)
	}
	return i, nil
}

// addSetting adds a setting and returns its number.
func (j *Journal) addSetting(s Setting) (int, error) {
	j.settings = append(j.settings, s)
	return len(j.settings) - 1, j.write(line{Setting: &s})
}

// addCell adds a cell and returns its number.
func (j *Journal) addCell(c Cell) (int, error) {
	l := cellLine{c.Name, c.Swap, c.Plan.Record(0)}
	j.cells = append(j.cells, l)
	return len(j.cells) - 1, j.write(line{Cell: &l})
}

// add writes finished chunks.
func (j *Journal) add(chunks []chunkLine) error {
	var lines []line
	for i := range chunks {
		lines = append(lines, line{Chunk: &chunks[i]})
	}
	return j.write(lines...)
}

// errCut is a last line without its end.
var errCut = errors.New("the line is cut")
