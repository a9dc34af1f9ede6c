package tokenizer

import (
	"fmt"
	"strings"
)

// None is the id of a special token that the vocabulary does not have.
const None int32 = -1

// attr says what a token is for. A token may be both normal and control: by llama.cpp's rules,
// tokens whose text is that of a well-known end marker are, whatever type the file gives them.
type attr uint16

const (
	attrNormal attr = 1 << iota
	attrUnknown
	attrControl
	attrUserDefined
	attrUnused
	attrByte
	attrLeftStrip  // swallows the white space before it when it is found in text
	attrRightStrip // swallows the white space after it
	attrShown      // control, and decoded all the same
)

// attrHidden marks tokens that are not text: decoding leaves them out unless asked or attrShown is
// set, and encoding finds them only when special tokens are parsed.
const attrHidden = attrControl | attrUnknown

// hidden reports whether decoding leaves the token out.
func (a attr) hidden() bool { return a&attrHidden != 0 && a&attrShown == 0 }

// vocab is the token table, indexed by id.
type vocab struct {
	text  []string         // as stored in the file
	piece []string         // the bytes each token stands for, special tokens included
	attr  []attr           //
	id    map[string]int32 // text -> id, the lowest where entries repeat
	typed bool             // the file's types tell control tokens from text
}

// readVocab checks the arrays of m against each other. piece is left to the model, which knows how
// texts are spelled.
func readVocab(m Metadata) (*vocab, error) {
	text, err := require(m.Strs, keyTokens)
	if err != nil {
		return nil, err
	}
	n := len(text)
	if n == 0 || n > maxTokens {
		return nil, fmt.Errorf("tokenizer: %s has %d entries, allowed are 1 to %d", keyTokens, n, maxTokens)
	}
	types, err := perToken(m.I32s, keyTokenTypes, n)
	if err != nil {
		return nil, err
	}
	v := &vocab{text: text, attr: make([]attr, n), id: make(map[string]int32, n)}
	for i, s := range text {
		if s == "" {
			// Some conversions leave holes. The name cannot be met in text by accident, so the hole
			// is never produced.
			s = fmt.Sprintf("[EMPTY_%d]", i)
		}
		if _, dup := v.id[s]; !dup {
			v.id[s] = int32(i)
		}
		v.attr[i] = attrNormal
		if types != nil {
			v.attr[i] = attrOfType(types[i])
			v.typed = v.typed || types[i] == 3
		}
	}
	return v, nil
}

// attrOfType maps the token types of the GGUF specification. Undefined and unheard-of types decode
// to nothing.
func attrOfType(t int32) attr {
	switch t {
	case 1:
		return attrNormal
	case 2:
		return attrUnknown
	case 3:
		return attrControl
	case 4:
		return attrUserDefined
	case 5:
		return attrUnused
	case 6:
		return attrByte
	}
	return 0
}

// byteTokens returns the id of each <0xXX> token, or None.
func (v *vocab) byteTokens() (ids [256]int32) {
	for b := range ids {
		ids[b] = None
		if id, ok := v.id[fmt.Sprintf("<0x%02X>", b)]; ok {
			ids[b] = id
		}
	}
	return ids
}

// byteOf reads the text of a byte token, "<0xXX>".
func byteOf(text string) (byte, bool) {
	var b byte
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	for _, c := range []byte(text[3:5]) {
		switch {
		case c >= '0' && c <= '9':
			b = b<<4 | (c - '0')
		case c >= 'A' && c <= 'F':
			b = b<<4 | (c - 'A' + 10)
		case c >= 'a' && c <= 'f':
			b = b<<4 | (c - 'a' + 10)
		default:
			return 0, false
		}
	}
	return b, true
}

// lowerBlock is U+2581, which SentencePiece writes for a space.
const lowerBlock = "\u2581"

// spellSpaces fills piece for vocabularies that write spaces as U+2581: SPM and gemma4.
func (v *vocab) spellSpaces() {
	v.piece = make([]string, len(v.text))
	for i, s := range v.text {
		switch a := v.attr[i]; {
		case a&(attrHidden|attrUserDefined) != 0:
			v.piece[i] = s
		case a&attrNormal != 0:
			v.piece[i] = strings.ReplaceAll(s, lowerBlock, " ")
		case a&attrByte != 0:
			if b, ok := byteOf(s); ok {
				v.piece[i] = string([]byte{b})
			}
		}
	}
}

// clip shortens text of a file for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
