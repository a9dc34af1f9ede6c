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
	file := newSummed(r, size)
	h, err := s.read(file, identity)
	if e := file.check(); e != nil {
		err = cmp.Or(foreign(err), e)
	}
	if err != nil {
		s.Clear()
		return h, err
	}
	s.loaded, s.fresh = true, h.Fresh
	return h, nil
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

func (s *Sequence) read(r io.Reader, identity func() (*model.Identity, error)) (h Head, err error) {
	if h, err = ReadHead(r); err != nil {
		if errors.Is(err, ErrDamaged) {
			return h, err
		}
		return h, errForeign{err}
	}
	id, err := identity()
	if err != nil {
		return h, errForeign{err}
	}
	c := s.Context
	switch err := id.Check("it", &h.Model); {
	case err != nil:
		return h, err
	case h.Tokens > c.Cache.Size:
		return h, fmt.Errorf("it has %d tokens and the context %d positions: --ctx-size %d holds them", h.Tokens, c.Cache.Size, h.Tokens+1)
	case h.Long != c.Long():
		return h, errors.New("it is of a context for which the model turns its keys otherwise: give the --ctx-size that it was made with")
	}
	tokens := make([]int32, h.Tokens)
	if err := binary.Read(r, binary.LittleEndian, tokens); err != nil {
		return h, ErrDamaged
	}
	if err := c.Restore(r); err != nil {
		return h, err
	}
	if c.Len() != len(tokens) || c.Cache.InUse() != len(tokens) {
		return h, fmt.Errorf("it is damaged: %d tokens and a cache of %d positions", len(tokens), c.Len())
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= c.Model.Vocab {
			return h, fmt.Errorf("it is damaged: token %d is %d, and the vocabulary has %d", i, id, c.Model.Vocab)
		}
	}
	s.cached = tokens
	return h, nil
}
