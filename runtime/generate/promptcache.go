package generate

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/model"
)

// Head is what the rows of the sequence are of, without what its user knows: the form of the
// products, what computed them, and the model.
func (s *Sequence) Head() Head {
	return Head{Tokens: len(s.cached), Fresh: s.Fresh(), Long: s.Context.Long()}
}

// InStep says whether the cache holds the tokens that are Cached and no others, so that it may be
// saved.
func (s *Sequence) InStep() bool { return len(s.cached) == s.Context.Len() }

// Prepare forgets what other sequences hold, of which nothing is saved.
func (s *Sequence) Prepare() error {
	s.unmark()
	return s.Context.KeepSeq(0)
}

// Save writes what is cached as a prompt cache; h is Head with what the user of the sequence knows.
func (s *Sequence) Save(w io.Writer, h Head) error {
	return writePrompt(w, h, s.cached, s.Context.Save)
}

// Load reads a prompt cache of size bytes into a sequence that holds nothing. One of another model
// or plan is refused by what differs, and so is one that is damaged; nothing is cached then.
// Identity is the model's. The next Reuse keeps as much of it as gives the tokens of a run without
// it.
func (s *Sequence) Load(r io.Reader, size int64, identity func() (*model.Identity, error)) (Head, error) {
	c := s.Context
	h, tokens, err := ReadPrompt(r, size, func(h Head) error {
		id, err := identity()
		if err != nil {
			return errForeign{err}
		}
		return h.Fits(c, id)
	}, c.Restore)
	if err == nil && (c.Len() != len(tokens) || c.Cache.InUse() != len(tokens)) {
		err = fmt.Errorf("it is damaged: %d tokens and a cache of %d positions", len(tokens), c.Len())
	}
	if err != nil {
		s.Clear()
		return h, err
	}
	s.cached, s.loaded, s.fresh = tokens, true, h.Fresh
	return h, nil
}

// Fits says why rows with this head are not for a context of the model that id is of.
func (h *Head) Fits(c *model.Context, id *model.Identity) error {
	switch err := id.Check("it", &h.Model); {
	case err != nil:
		return err
	case h.Tokens > c.Cache.Size:
		return fmt.Errorf("it has %d tokens and the context %d positions: --ctx-size %d holds them", h.Tokens, c.Cache.Size, h.Tokens+1)
	case h.Long != c.Long():
		return errors.New("it is of a context for which the model turns its keys otherwise: give the --ctx-size that it was made with")
	}
	return nil
}

// WritePrompt writes a prompt cache of tokens; save writes their rows.
func WritePrompt(w io.Writer, h Head, tokens []int32, save func(io.Writer) error) error {
	return writePrompt(w, h, tokens, save)
}

// ReadPrompt reads a prompt cache of size bytes. accept says whether it can be used, restore reads
// its rows. Where a file is damaged that is the error, whatever else they say.
func ReadPrompt(r io.Reader, size int64, accept func(Head) error, restore func(io.Reader) error) (h Head, tokens []int32, err error) {
	file := newSummed(r, size)
	h, tokens, err = readPrompt(file, accept, restore)
	if e := file.check(); e != nil {
		err = cmp.Or(foreign(err), e)
	}
	return h, tokens, err
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

func readPrompt(r io.Reader, accept func(Head) error, restore func(io.Reader) error) (h Head, tokens []int32, err error) {
	if h, err = ReadHead(r); err != nil {
		if errors.Is(err, ErrDamaged) {
			return h, nil, err
		}
		return h, nil, errForeign{err}
	}
	if err := accept(h); err != nil {
		return h, nil, err
	}
	if tokens, err = ReadTokens(r, h); err != nil {
		return h, nil, err
	}
	if err := restore(r); err != nil {
		return h, nil, err
	}
	return h, tokens, nil
}

// ReadTokens reads the tokens that follow a head.
func ReadTokens(r io.Reader, h Head) ([]int32, error) {
	var tokens []int32
	for part := make([]int32, 1<<16); len(tokens) < h.Tokens; {
		part = part[:min(len(part), h.Tokens-len(tokens))]
		if err := binary.Read(r, binary.LittleEndian, part); err != nil {
			return nil, ErrDamaged
		}
		tokens = append(tokens, part...)
	}
	return tokens, nil
}
