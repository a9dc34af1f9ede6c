package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
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

// promptMagic begins the file:
//
//	"kvrunPC1", u32 tokens, i32 token (tokens), the saved cache (kv.Cache.Save) of those in sequence 0
//
// little-endian.
const promptMagic = "kvrunPC1"

// load reads the file, if there is one, into a fresh generation. A file that is not of this model and plan is refused, by
// what differs; one that is damaged is refused too.
func (p *promptCacheFlags) load(g *generation) error {
	if p.path == "" {
		return nil
	}
	f, err := os.Open(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("--prompt-cache %s: is a folder", p.path)
	case info.Size() == 0:
		return nil // as llama.cpp has it: a new one
	}
	if err := p.read(bufio.NewReader(f), g); err != nil {
		g.c.Clear()
		return refuse("--prompt-cache %s: %w", p.path, err)
	}
	p.inFile = slices.Clone(g.cached)
	return nil
}

func (p *promptCacheFlags) read(r io.Reader, g *generation) error {
	head := make([]byte, len(promptMagic)+4)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(promptMagic)]) != promptMagic {
		return fmt.Errorf("it begins %.16q and not %q: it is no prompt cache", head, promptMagic)
	}
	n := int64(binary.LittleEndian.Uint32(head[len(promptMagic):]))
	if n > int64(g.c.Cache.Size) {
		return fmt.Errorf("it has %d tokens and the context %d positions: --ctx-size %d holds them", n, g.c.Cache.Size, n+1)
	}
	tokens := make([]int32, n)
	if err := binary.Read(r, binary.LittleEndian, tokens); err != nil {
		return fmt.Errorf("it is cut or damaged: %w", err)
	}
	if err := g.c.Restore(r); err != nil {
		return err
	}
	if g.c.Len() != len(tokens) || g.c.Cache.InUse() != len(tokens) {
		return fmt.Errorf("it is damaged: %d tokens and a cache of %d positions", len(tokens), g.c.Len())
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= g.c.Model.Vocab {
			return fmt.Errorf("it is damaged: token %d is %d, and the vocabulary has %d", i, id, g.c.Model.Vocab)
		}
	}
	g.cached = tokens
	return nil
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
	err := p.file.Fill(func(w io.Writer) error {
		if _, err := io.WriteString(w, promptMagic); err != nil {
			return err
		}
		for _, x := range []any{uint32(len(g.cached)), g.cached} {
			if err := binary.Write(w, binary.LittleEndian, x); err != nil {
				return err
			}
		}
		return g.c.Save(w)
	})
	if err == nil {
		p.inFile = slices.Clone(g.cached)
	}
	return err
}
