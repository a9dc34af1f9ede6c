package generate

// room makes room for one more token: when the context is full, the older half of what is not to be
// kept is dropped.
func (s *Sequence) room() (bool, error) {
	if s.Context.Len() < s.Context.Cache.Size {
		return true, nil
	}
	keep := min(s.Keep, len(s.cached))
	discard := (len(s.cached) - keep) / 2
	if s.Options.NoShift || discard < 1 || s.Context.Model.Fixed() != nil {
		return false, nil
	}
	if err := s.drop(keep, discard); err != nil {
		return false, err
	}
	s.Shifts++
	return true, nil
}

// drop takes tokens keep..keep+discard-1 out of the cache.
func (s *Sequence) drop(keep, discard int) error {
	s.unmark()
	if err := s.Context.Shift(keep, discard); err != nil {
		return err
	}
	s.cached = append(s.cached[:keep], s.cached[keep+discard:]...)
	s.fresh = min(s.fresh, keep)
	return nil
}

// Reuse brings the cache to the longest beginning of tokens that it can keep, and returns the rest,
// at least one token. Where tokens are those cached without a stretch, as after older turns of a
// conversation were dropped, the cache is shifted. What is of a file is kept only so far that all
// that follows is as in a run from the start.
func (s *Sequence) Reuse(tokens []int32) (rest []int32, err error) {
	n := Common(s.cached, tokens[:len(tokens)-1])
	if s.loaded {
		n = s.Context.Cache.Fresh(0, min(n, s.fresh))
	} else if gap := stretch(s.cached[n:], tokens[n:]); gap > 0 && s.Context.Model.Fixed() == nil {
		if err := s.drop(n, gap); err != nil {
			return nil, err
		}
		n = min(len(s.cached), len(tokens)-1)
	}
	s.cached = append([]int32(nil), s.cached[:n]...)
	if kept := s.Context.Cache.Fresh(0, n); n <= s.fresh && kept == n {
		s.fresh = allFresh
	} else {
		s.fresh = min(s.fresh, kept)
	}
	s.loaded = false
	err = s.Context.Truncate(n)
	if err == nil && n < len(s.marked) {
		s.unmark() // it would hold rows of its own
	}
	if err != nil { // a sliding window has moved on, or a layer is recurrent
		if n, err = s.back(tokens); err != nil {
			return nil, err
		}
		s.cached, s.fresh = append(s.cached[:0], tokens[:n]...), s.markedFresh
	}
	return tokens[n:], nil
}

// resync has the cache hold the tokens that are Cached, or nothing: a step that fails takes its
// rows out again, or all rows where a layer cannot go back.
func (s *Sequence) resync() {
	if n := len(s.cached); s.Context.Len() < n || s.Context.Len() > n && s.Context.Truncate(n) != nil {
		s.Clear()
	}
}

// Clear forgets everything that is cached.
func (s *Sequence) Clear() {
	s.Context.Clear()
	s.cached, s.marked, s.loaded, s.markedFresh, s.fresh = nil, nil, false, allFresh, allFresh
}

// stretch is the number of tokens to take from the front of cached so that all that is left begins
// tokens; 0 when there is none, or when what is left would not be worth it.
func stretch(cached, tokens []int32) int {
	const worth = 16
	for gap := 1; gap+worth <= len(cached); gap++ {
		rest := cached[gap:]
		if len(rest) < len(tokens) && Common(rest, tokens) == len(rest) {
			return gap
		}
	}
	return 0
}

// Common is the number of tokens that both begin with.
func Common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
