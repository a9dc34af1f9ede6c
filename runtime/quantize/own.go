package quantize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrForeign is that a file has the name of a part or a journal and was not written here.
var ErrForeign = errors.New("not a file of an earlier run, so it is not replaced: move it, or write to another name")

// journalBegin is what every journal begins with, whatever its run was of.
const journalBegin = `{"kvrun_quantize":`

// own returns an error where the part or the journal of path may be somebody else's: a download
// that was cut, say, has such a name too. What a run was killed in is known by its journal, and
// where that was lost by the header of the same plan.
func own(path string, header []byte) error {
	part, err := beginning(Part(path), len(header))
	if err != nil {
		return err
	}
	log, err := beginning(Journal(path), len(journalBegin))
	if err != nil {
		return err
	}
	switch {
	case len(log) > 0 && bytes.HasPrefix([]byte(journalBegin), log), bytes.Equal(part, header):
		return nil
	case len(part) > 0:
		return fmt.Errorf("%s: %w", Part(path), ErrForeign)
	case len(log) > 0:
		return fmt.Errorf("%s: %w", Journal(path), ErrForeign)
	}
	return nil
}

// beginning returns the first n bytes of a file, fewer where it has no more, none where there is no
// file. Links are not followed: a run makes none.
func beginning(path string, n int) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", path, ErrForeign)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	got, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:got], err
}
