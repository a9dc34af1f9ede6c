package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
)

// promptCacheFlags are llama.cpp's: a file with the cache of a prompt, of which the longest common
// beginning is not run again.
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

// open finds out whether the file can be written. A new one is for the user alone, since it holds
// the conversation. The caller closes it.
func (p *promptCacheFlags) open(e *environment) (err error) {
	if err := p.check(); err != nil {
		return err
	}
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
	h, err := generate.ReadHead(bufio.NewReader(f))
	if err != nil {
		return 0
	}
	return h.Tokens
}

// load reads the file, if there is one, into a fresh sequence. A file of another model or plan is
// refused, by what differs. A damaged one is refused too.
func (p *promptCacheFlags) load(s *session, g *generate.Sequence) error {
	p.of = s
	f, size, err := p.find(s)
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	h, err := g.Load(f, size, s.identity)
	if err != nil {
		return refuse("--prompt-cache %s: %w", p.path, err)
	}
	if s.flags.kind == model.Fast {
		s.note("with --math fast the last bits depend on how a prompt falls into batches: the text may differ from that of a run without --prompt-cache; with --math exact it does not")
	}
	if by, now := computedBy(h), computedBy(s.promptHead(g)); by != now {
		s.note(fmt.Sprintf("the rows of --prompt-cache were computed by %s, and this is %s: the text may differ from that of a run without it", by, now))
	} else if h.Fresh == h.Tokens {
		p.inFile = slices.Clone(g.Cached())
	}
	return nil
}

// computedBy is what computed the rows.
func computedBy(h generate.Head) string {
	return fmt.Sprintf("%s math on %s by %s", h.Math, h.By, h.Program)
}

// promptHead describes the rows of a sequence but for the model.
func (s *session) promptHead(g *generate.Sequence) generate.Head {
	h := g.Head()
	h.Math, h.By, h.Program = s.flags.kind.String(), s.flags.computedBy(), version.Short()
	return h
}

// save writes what is cached, unless the file has it.
func (p *promptCacheFlags) save(g *generate.Sequence) error {
	if p.file == nil || !g.InStep() || slices.Equal(p.inFile, g.Cached()) {
		return nil
	}
	if err := g.Prepare(); err != nil {
		return err
	}
	id, err := p.of.identity()
	if err != nil {
		return err
	}
	h := p.of.promptHead(g)
	h.Model = *id
	err = p.file.Fill(func(w io.Writer) error { return g.Save(w, h) })
	if err == nil {
		p.inFile = slices.Clone(g.Cached())
	}
	return err
}

// resume brings the cache to the longest beginning of tokens that --prompt-cache has. It returns
// the rest, at least one token. The file is written when all but the last of them have been run, so
// that a cache that cannot go back can go on from there.
func (p *promptCacheFlags) resume(s *session, g *generate.Sequence, tokens []int32) ([]int32, error) {
	if p.path == "" {
		return tokens, nil
	}
	if err := p.load(s, g); err != nil {
		return nil, err
	}
	same := generate.Common(g.Cached(), tokens[:len(tokens)-1])
	rest, err := g.Reuse(tokens)
	if err != nil {
		return nil, err
	}
	if again := same - (len(tokens) - len(rest)); again > 0 {
		s.note(fmt.Sprintf("%d tokens of the prompt that are in --prompt-cache are run again: its cache cannot be cut back behind them to what a run from the start has", again))
	}
	g.Accept(tokens[:len(tokens)-len(rest)]...)
	if !p.all {
		// A file that cannot be written does not end the generation.
		g.PauseAfter(len(rest)-1, func() error {
			p.failed = p.save(g)
			return nil
		})
	}
	return rest, nil
}
