package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/model"
)

// promptCacheFlags are llama.cpp's: a file with the cache of a prompt, of which the longest common beginning is not run
// again.
type promptCacheFlags struct {
	path     string
	all      bool // with what was generated
	readOnly bool
	inFile   []int32      // tokens
	file     *output.File // to write to, nil for none
	failed   error        // to write it
	of       *session     // set by load
}

func (p *promptCacheFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&p.path, "prompt-cache", "", "`file` that keeps the cache: the longest common beginning is not run again; written when it changes")
	fs.BoolVar(&p.readOnly, "prompt-cache-ro", false, "read --prompt-cache and leave it as it is")
}

func (p *promptCacheFlags) check() error {
	if p.path == "" && (p.readOnly || p.all) {
		return errors.New("--prompt-cache-ro and --prompt-cache-all are about --prompt-cache, which is not given")
	}
	return nil
}

// open finds out whether the file can be written. It holds what was said, so that a new one is for the user alone. Close it.
func (p *promptCacheFlags) open(e *environment) (err error) {
	if info, err := os.Stat(p.path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("--prompt-cache %s: is no file that can be read again (%s)", p.path, info.Mode().Type())
	}
	if p.path == "" || p.readOnly {
		return e.files.Input("--prompt-cache", p.path)
	}
	p.file, err = e.files.Create(output.Request{Flag: "--prompt-cache", Path: p.path, Kind: output.PromptCache, Update: true, Mode: 0o600})
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; --prompt-cache-ro only reads a prompt cache", err)
	}
	return err
}

// close gives the file up, unless it was written.
func (p *promptCacheFlags) close() {
	if p.file != nil {
		p.file.Close()
	}
}

// find opens the file. There is none, and no error, where a new one is to be made.
func (p *promptCacheFlags) find(s *session) (*os.File, int64, error) {
	if p.path == "" {
		return nil, 0, nil
	}
	info, err := os.Stat(p.path) // before it is opened: a pipe would wait
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case info.IsDir():
		return nil, 0, fmt.Errorf("--prompt-cache %s: is a folder", p.path)
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("--prompt-cache %s: is no file that can be read again (%s)", p.path, info.Mode().Type())
	case info.Size() == 0: // as llama.cpp has it: a new one
		s.note("--prompt-cache " + p.path + " is empty: nothing is read from it")
		return nil, 0, nil
	}
	f, err := os.Open(p.path)
	return f, info.Size(), err
}

// tokens is how many the file says that it has, 0 where it cannot be read; load says why.
func (p *promptCacheFlags) tokens(s *session) int {
	f, _, err := p.find(s)
	if f == nil || err != nil {
		return 0
	}
	defer f.Close()
	h, err := readPromptHead(bufio.NewReader(f))
	if err != nil {
		return 0
	}
	return h.Tokens
}

// load reads the file, if there is one, into a fresh generation. A file that is not of this model and plan is refused, by
// what differs; one that is damaged is refused too.
func (p *promptCacheFlags) load(s *session, g *generation) error {
	p.of = s
	f, size, err := p.find(s)
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	r := newSummed(f, size)
	h, err := p.read(s, r, g)
	if e := r.check(); e != nil {
		err = cmp.Or(foreign(err), e)
	}
	if err != nil {
		g.c.Clear()
		g.cached = nil
		return refuse("--prompt-cache %s: %w", p.path, err)
	}
	g.loaded, g.fresh = true, h.Fresh
	if s.flags.kind == model.Fast {
		s.note("with --math fast the last bits depend on how a prompt falls into batches: the text may differ from that of a run without --prompt-cache; with --math exact it does not")
	}
	if by, now := h.by(), s.promptHead(g, nil).by(); by != now {
		s.note(fmt.Sprintf("the rows of --prompt-cache were computed by %s, and this is %s: the text may differ from that of a run without it", by, now))
	} else if h.Fresh == h.Tokens {
		p.inFile = slices.Clone(g.cached)
	}
	return nil
}

// errForeign is what a file is that is whole but is no prompt cache of this version.
type errForeign struct{ error }

// foreign is err if it is an errForeign.
func foreign(err error) error {
	if f := (errForeign{}); errors.As(err, &f) {
		return err
	}
	return nil
}

// by is what computed the rows.
func (h promptHead) by() string { return fmt.Sprintf("%s math on %s by %s", h.Math, h.By, h.Program) }

// promptHead describes the rows of a generation; id may be nil.
func (s *session) promptHead(g *generation, id *model.Identity) promptHead {
	h := promptHead{Tokens: len(g.cached), Fresh: min(g.fresh, len(g.cached)), Long: g.c.Long(), Math: s.flags.kind.String(), By: s.flags.computedBy(), Program: version.Short()}
	if id != nil {
		h.Model = *id
	}
	return h
}

func (p *promptCacheFlags) read(s *session, r io.Reader, g *generation) (h promptHead, err error) {
	if h, err = readPromptHead(r); err != nil {
		if errors.Is(err, errPromptDamaged) {
			return h, err
		}
		return h, errForeign{err}
	}
	id, err := s.identity()
	if err != nil {
		return h, errForeign{err}
	}
	switch err := id.Check("it", &h.Model); {
	case err != nil:
		return h, err
	case h.Tokens > g.c.Cache.Size:
		return h, fmt.Errorf("it has %d tokens and the context %d positions: --ctx-size %d holds them", h.Tokens, g.c.Cache.Size, h.Tokens+1)
	case h.Long != g.c.Long():
		return h, errors.New("it is of a context for which the model turns its keys otherwise: give the --ctx-size that it was made with")
	}
	tokens := make([]int32, h.Tokens)
	if err := binary.Read(r, binary.LittleEndian, tokens); err != nil {
		return h, errPromptDamaged
	}
	if err := g.c.Restore(r); err != nil {
		return h, err
	}
	if g.c.Len() != len(tokens) || g.c.Cache.InUse() != len(tokens) {
		return h, fmt.Errorf("it is damaged: %d tokens and a cache of %d positions", len(tokens), g.c.Len())
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= g.c.Model.Vocab {
			return h, fmt.Errorf("it is damaged: token %d is %d, and the vocabulary has %d", i, id, g.c.Model.Vocab)
		}
	}
	g.cached = tokens
	return h, nil
}

// save writes what is cached, unless the file has it.
func (p *promptCacheFlags) save(g *generation) error {
	if p.file == nil || len(g.cached) != g.c.Len() || slices.Equal(p.inFile, g.cached) {
		return nil
	}
	g.unmark()
	if err := g.c.KeepSeq(0); err != nil {
		return err
	}
	id, err := p.of.identity()
	if err != nil {
		return err
	}
	err = p.file.Fill(func(w io.Writer) error { return writePrompt(w, p.of.promptHead(g, id), g.cached, g.c.Save) })
	if err == nil {
		p.inFile = slices.Clone(g.cached)
	}
	return err
}
