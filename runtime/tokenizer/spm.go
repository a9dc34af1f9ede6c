package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// spm is a SentencePiece vocabulary as llama.cpp reads it: characters are joined in the order of
// the scores of the tokens they make, and what has no token is spelled in byte tokens.
type spm struct {
	v     *vocab
	score []float32
	bytes [256]int32
	unk   int32 // stands for a byte that has no token

	// spans holds the bytes that some token has right before a space. After any other byte no token
	// reaches across, so text can be cut there.
	spans [256]bool
}

func newSPM(m Metadata, v *vocab) (*spm, error) {
	score, err := scores(m, len(v.text))
	if err != nil {
		return nil, err
	}
	s := &spm{v: v, score: score, bytes: v.byteTokens(), unk: None}
	for b := range s.bytes {
		// Vocabularies without <0xXX> may hold the byte itself.
		if id, ok := v.id[string([]byte{byte(b)})]; ok && s.bytes[b] == None {
			s.bytes[b] = id
		}
	}
	for _, text := range v.text {
		for i := 1; i < len(text); i++ {
			if strings.HasPrefix(text[i:], lowerBlock) {
				s.spans[text[i-1]] = true
			}
		}
	}
	return s, nil
}

// wordEnd returns the length of the first piece of text, which ends where no token could span the
// cut.
func (s *spm) wordEnd(text string) int {
	for i := 0; ; {
		n := strings.Index(text[i:], lowerBlock)
		if n < 0 {
			return len(text)
		}
		i += n
		if i > 0 && !s.spans[text[i-1]] {
			return i
		}
		i += len(lowerBlock)
	}
}

// encode appends the ids of text, in which the caller has decided about the space prefix. Piece by
// piece gives what the whole would give, with queues that stay in the cache.
func (s *spm) encode(ids []int32, text string, m *merger) []int32 {
	text = strings.ReplaceAll(text, " ", lowerBlock)
	for text != "" {
		n := s.wordEnd(text)
		ids = s.encodeWord(ids, text[:n], m)
		text = text[n:]
	}
	return ids
}

// encodeWord appends the ids of text, which it looks at as a whole for each merge.
func (s *spm) encodeWord(ids []int32, text string, m *merger) []int32 {
	m.symbols = slices.Grow(m.symbols[:0], utf8.RuneCountInString(text))
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		m.add(i, i+n, s.lookup(text[i:i+n]))
		i += n
	}
	m.run(func(left, right *symbol) (pair, bool) {
		id := s.lookup(text[left.start:right.end])
		if id == None {
			return pair{}, false
		}
		return pair{merged: id, key: s.score[id]}, true
	})
	for i := range m.symbols {
		switch y := &m.symbols[i]; {
		case y.id >= 0:
			ids = append(ids, y.id)
		case y.id == none:
			ids = s.spell(ids, text[y.start:y.end])
		}
	}
	return ids
}

func (s *spm) lookup(text string) int32 {
	if id, ok := s.v.id[text]; ok {
		return id
	}
	return None
}

// spell appends the byte tokens of text. A byte without one becomes the unknown token, or nothing
// if there is none.
func (s *spm) spell(ids []int32, text string) []int32 {
	for i := 0; i < len(text); i++ {
		id := s.bytes[text[i]]
		if id == None {
			id = s.unk
		}
		if id != None {
			ids = append(ids, id)
		}
	}
	return ids
}
