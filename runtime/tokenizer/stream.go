package tokenizer

import "unicode/utf8"

// Stream decodes tokens as they are generated, handing out whole characters only: a character may
// span several tokens. It continues a text, so unlike Decode it keeps the space a first token
// begins with. A Stream belongs to one goroutine.
type Stream struct {
	t       *Tokenizer
	special bool
	held    []byte // the bytes of a character whose end has not come
}

// NewStream returns a stream. special is as for Decode.
func (t *Tokenizer) NewStream(special bool) *Stream { return &Stream{t: t, special: special} }

// Next returns the text that id completes, possibly none. Bytes that cannot become a character are
// handed out as they are, as soon as that is known.
func (s *Stream) Next(id int32) string {
	if s.t.IsControl(id) && !s.special {
		return ""
	}
	s.held = append(s.held, s.t.Piece(id)...)
	n := whole(s.held)
	out := string(s.held[:n])
	s.held = append(s.held[:0], s.held[n:]...)
	return out
}

// Flush returns what is held at the end of a text: the beginning of a character that never ended.
func (s *Stream) Flush() string {
	out := string(s.held)
	s.held = s.held[:0]
	return out
}

// whole returns the length of b without an incomplete character at its end.
func whole(b []byte) int {
	for i := max(0, len(b)-utf8.UTFMax+1); i < len(b); i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:]) {
			return i
		}
	}
	return len(b)
}
