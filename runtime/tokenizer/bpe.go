package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// bpe is a byte-pair vocabulary. Byte-level ones (gpt2) merge raw bytes: the printable spelling of
// the file is undone when it is read, so encoding never spells. The gemma4 model merges characters,
// with U+2581 for a space.
type bpe struct {
	v   *vocab
	pre preTokenizer
	ids map[string]int32 // bytes (gpt2) or text (gemma4) -> token
	// parts and results of merges that are no token; their ids lie past the tokens
	extra map[string]int32
	rules map[uint64]rule // left id << 32 | right id
	// first symbols (byte level) or the spelling of what has no token (gemma4)
	bytes [256]int32
	chars bool // gemma4
}

// rule is one merge: its place in the file and what it makes.
type rule struct{ rank, merged int32 }

func newBPE(m Metadata, v *vocab, pre preTokenizer, chars bool) (*bpe, error) {
	merges, err := require(m.Strs, keyMerges)
	if err != nil {
		return nil, err
	}
	if len(merges) > maxMerges {
		return nil, fmt.Errorf("tokenizer: %s has %d entries, the limit is %d", keyMerges, len(merges), maxMerges)
	}
	b := &bpe{v: v, pre: pre, chars: chars, extra: map[string]int32{}, rules: make(map[uint64]rule, len(merges))}
	if chars {
		v.spellSpaces()
		b.ids, b.bytes = v.id, v.byteTokens()
	} else {
		b.ids = v.spellBytes()
	}
	if err := b.readMerges(merges); err != nil {
		return nil, err
	}
	if !chars {
		for i := range b.bytes {
			b.bytes[i] = b.lookup(string([]byte{byte(i)}))
		}
	}
	return b, nil
}

// readMerges turns "left right" lines into rules over ids. A part or result that is no token gets
// an id of its own.
func (b *bpe) readMerges(merges []string) error {
	intern := func(s []byte) int32 {
		if id, ok := b.ids[string(s)]; ok {
			return id
		}
		id, ok := b.extra[string(s)]
		if !ok {
			id = int32(len(b.v.text) + len(b.extra))
			b.extra[string(s)] = id
		}
		return id
	}
	var word []byte
	for i, line := range merges {
		// The separator is the first space that is not the first character, so that " x" can be a
		// left part.
		at := 0
		if line != "" {
			at = strings.IndexByte(line[1:], ' ') + 1
		}
		if at == 0 || at+1 == len(line) {
			return fmt.Errorf("tokenizer: %s[%d] = %q is not two parts separated by a space", keyMerges, i, clip(line))
		}
		var split int
		var ok bool
		if word, ok = b.spell(word[:0], line[:at]); ok {
			split = len(word)
			word, ok = b.spell(word, line[at+1:])
		}
		if !ok {
			continue // not in the byte-level alphabet, so no text can reach it
		}
		k := key(intern(word[:split]), intern(word[split:]))
		if _, dup := b.rules[k]; !dup {
			b.rules[k] = rule{rank: int32(i), merged: intern(word)}
		}
	}
	return nil
}

// spell appends what the text of a merge stands for.
func (b *bpe) spell(dst []byte, s string) ([]byte, bool) {
	if b.chars {
		return append(dst, s...), true
	}
	return appendBytes(dst, s)
}

func key(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

func (b *bpe) lookup(s string) int32 {
	if id, ok := b.ids[s]; ok {
		return id
	}
	if id, ok := b.extra[s]; ok {
		return id
	}
	return None
}

// encode appends the ids of text.
func (b *bpe) encode(ids []int32, text string, m *merger) []int32 {
	if b.chars {
		text = strings.ReplaceAll(text, " ", lowerBlock)
	}
	if b.pre.nfc {
		text = compose(text)
	}
	b.pre.cut(text, func(word string) { ids = b.encodeWord(ids, word, m) })
	return ids
}

func (b *bpe) encodeWord(ids []int32, word string, m *merger) []int32 {
	// gemma4 cuts at line ends, and takes a run of them whole even where no sequence of merges
	// leads there.
	if b.pre.ignoreMerges || b.chars && word[0] == '\n' {
		if id := b.lookup(word); b.isToken(id) {
			return append(ids, id)
		}
	}
	m.symbols = slices.Grow(m.symbols[:0], len(word))
	if b.chars {
		for i := 0; i < len(word); {
			_, n := utf8.DecodeRuneInString(word[i:])
			m.add(i, i+n, b.lookup(word[i:i+n]))
			i += n
		}
	} else {
		for i := range len(word) {
			m.add(i, i+1, b.bytes[word[i]])
		}
	}
	m.run(b.join)
	for i := range m.symbols {
		y := &m.symbols[i]
		switch {
		case b.isToken(y.id):
			ids = append(ids, y.id)
		case y.id != dead:
			ids = b.spellOut(ids, word[y.start:y.end])
		}
	}
	return ids
}

func (b *bpe) join(left, right *symbol) (pair, bool) {
	r, ok := b.rules[key(left.id, right.id)]
	return pair{merged: r.merged, rank: r.rank}, ok
}

func (b *bpe) isToken(id int32) bool { return id >= 0 && int(id) < len(b.v.text) }

// spellOut appends the tokens of single bytes. A byte without a token is dropped, as llama.cpp
// does; only vocabularies trained without the full byte alphabet have such bytes.
func (b *bpe) spellOut(ids []int32, s string) []int32 {
	for i := range len(s) {
		if id := b.bytes[s[i]]; b.isToken(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
