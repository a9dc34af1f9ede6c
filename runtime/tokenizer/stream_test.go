package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Streaming gives Decode's text in whole characters. SPM keeps the first token's space, since a
// stream continues a text.
func TestStream(t *testing.T) {
	const text = "Ünïcode 日本語 😀👩‍👩‍👧 and  spaces\n\xf0\x9f bad \x80"
	for _, v := range vocabularies {
		tok := load(t, v.name)
		s := tok.NewStream(false)
		var b strings.Builder
		for _, id := range tok.Encode(text, false, false) {
			part := s.Next(id)
			if r, n := utf8.DecodeLastRuneInString(part); r == utf8.RuneError && n == 1 && !strings.HasSuffix(part, "\x9f") && !strings.HasSuffix(part, "\x80") {
				t.Errorf("%s: %q ends inside a character", v.name, part)
			}
			b.WriteString(part)
		}
		b.WriteString(s.Flush())
		want := text
		if tok.AddSpacePrefix {
			want = " " + text
		}
		if got := b.String(); got != want {
			t.Errorf("%s: streamed %q, want %q", v.name, got, want)
		}
	}
}

func TestStreamHoldsIncompleteCharacters(t *testing.T) {
	tok := tiny(t, "gpt-2", Own)
	s := tok.NewStream(false)
	var got []string
	for _, b := range []byte("aé\xe2\x96x\xf0\x9f\x98\x80\xe2") {
		id := tok.Encode(string([]byte{b}), false, false)
		if len(id) != 1 {
			t.Fatalf("byte %#x has ids %v", b, id)
		}
		got = append(got, s.Next(id[0]))
	}
	want := []string{"a", "", "é", "", "", "\xe2\x96x", "", "", "", "😀", ""}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("step %d: %q, want %q", i, got[i], want[i])
		}
	}
	if rest := s.Flush(); rest != "\xe2" {
		t.Errorf("Flush() = %q", rest)
	}
	if s.Next(tok.EOS) != "" || tok.NewStream(true).Next(tok.EOS) == "" {
		t.Error("control tokens are shown exactly when asked for")
	}
}
