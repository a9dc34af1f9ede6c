package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Tokenizer encodes and decodes with one vocabulary. It is immutable, so any number of goroutines
// may share it.
type Tokenizer struct {
	Model string // tokenizer.ggml.model: "llama", "gpt2" or "gemma4"
	Pre   string // how BPE cuts words: tokenizer.ggml.pre, or a guess where a gpt2 file has none
	Rules Rules  // whose reading of the vocabulary counts

	// Special tokens, None where the vocabulary has no such token: begin and end of a text,
	// unknown, end of a turn, end of a message.
	BOS, EOS, UNK, EOT, EOM int32

	AddBOS         bool // Encode puts BOS first when asked to add special tokens
	AddSpacePrefix bool // SPM: a space is put before text at the start and after a special token

	// Notes say what the file leaves out or asks for in vain, a sentence each.
	Notes []string

	v        *vocab
	specials *specials
	ends     []int32 // tokens that end generation, ascending
	encoder  interface {
		encode(ids []int32, text string, m *merger) []int32
	}
}

// readers are the values of tokenizer.ggml.model that are read here.
var readers = map[string]func(*Tokenizer, Metadata) error{
	"llama": (*Tokenizer).readSPM, "gpt2": (*Tokenizer).readBPE, "gemma4": (*Tokenizer).readGemma4,
}

// unread are values of tokenizer.ggml.model that llama.cpp knows, with the kind of vocabulary each
// stands for.
var unread = map[string]string{
	"bert": "WordPiece", "t5": "Unigram", "rwkv": "the RWKV trie", "plamo2": "PLaMo-2's Unigram",
	"hybriddna": "BPE with DNA k-mers", "whitespace": "BPE of words between spaces",
	"none": "no vocabulary at all", "no_vocab": "no vocabulary at all",
}

// New reads the tokenizer of a model, by the rules of the model's own. The error names the key at
// fault.
func New(m Metadata) (*Tokenizer, error) { return Read(m, Own) }

// Read reads the tokenizer of a model. The error names the key at fault.
func Read(m Metadata, r Rules) (*Tokenizer, error) {
	model, err := require(m.Str, keyModel)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{Model: model, Rules: r}
	read := readers[t.Model]
	if read == nil {
		kind := ""
		if k := unread[t.Model]; k != "" {
			kind = " (" + k + ")"
		}
		return nil, fmt.Errorf("tokenizer: %s = %q%s; the models read here are llama, gpt2 and gemma4", keyModel, clip(t.Model), kind)
	}
	if t.v, err = readVocab(m); err == nil {
		err = read(t, m)
	}
	if err != nil {
		return nil, cmp.Or(missing(m, t.Model), err)
	}
	if t.AddBOS && t.BOS == None {
		return nil, fmt.Errorf("tokenizer: %s is set and the vocabulary has no such token", keyAddBOS)
	}
	if err := t.v.stripSpaces(m); err != nil {
		return nil, err
	}
	t.specials = newSpecials(t.v, r)
	return t, nil
}

func (t *Tokenizer) readSPM(m Metadata) error {
	if err := t.readSpecials(m, 1, 2, 0); err != nil {
		return err
	}
	t.AddBOS = true
	if err := t.flags(m); err != nil {
		return err
	}
	var err error
	if t.AddSpacePrefix, err = optional(m.Bool, keyAddSpacePrefix, true); err != nil {
		return err
	}
	s, err := newSPM(m, t.v)
	if err != nil {
		return err
	}
	s.unk = t.UNK
	t.v.spellSpaces()
	t.encoder = s
	return nil
}

// unnamed is the value of tokenizer.ggml.pre that says as little as a missing key.
const unnamed = "default"

func (t *Tokenizer) readBPE(m Metadata) error {
	var err error
	if t.Pre, err = optional(m.Str, keyPre, unnamed); err != nil {
		return err
	}
	if t.Pre == unnamed {
		if err := t.guessPre(m); err != nil {
			return err
		}
	}
	pre, err := findPre(t.Pre, t.Rules)
	if err != nil {
		return err
	}
	return t.finishBPE(m, pre, false)
}

// guessPre sets Pre where the file does not, with a note.
func (t *Tokenizer) guessPre(m Metadata) error {
	merges, err := require(m.Strs, keyMerges)
	if err != nil {
		return err
	}
	const silent = keyPre + " does not say how text is cut into words"
	name, why := "", ""
	if t.Rules == Own {
		t.v.spellBytes()
		name, why = t.v.guess(merges, t.Rules)
	}
	if name == "" {
		t.Notes = append(t.Notes, silent+": llama.cpp's default is taken, so ids and figures may be far from those of the model's own tokenizer")
		return nil
	}
	t.Pre = name
	t.Notes = append(t.Notes, silent+": "+name+" is guessed, since "+why)
	return nil
}

func (t *Tokenizer) readGemma4(m Metadata) error {
	t.Pre = gemma4Pre.names[0]
	if err := t.finishBPE(m, gemma4Pre, true); err != nil {
		return err
	}
	// Early conversions say false. The model does not work without, so llama.cpp does not listen
	// either.
	t.AddBOS = true
	return nil
}

func (t *Tokenizer) finishBPE(m Metadata, pre preTokenizer, chars bool) error {
	if err := t.readSpecials(m, None, None, None); err != nil {
		return err
	}
	t.AddBOS = pre.addBOS && t.BOS != None
	if err := t.flags(m); err != nil {
		return err
	}
	b, err := newBPE(m, t.v, pre, chars)
	t.encoder = b
	return err
}

// Len returns the number of tokens. Ids are 0 to Len()-1.
func (t *Tokenizer) Len() int { return len(t.v.text) }

// IsEOG reports whether generation ends at id: at the end of a text, turn or message, and at the
// tokens known by name to mean as much.
func (t *Tokenizer) IsEOG(id int32) bool {
	_, found := slices.BinarySearch(t.ends, id)
	return found
}

// EOG returns the tokens that end generation, ascending.
func (t *Tokenizer) EOG() []int32 { return slices.Clone(t.ends) }

// IsControl reports whether id is no text: a control token or the unknown token.
func (t *Tokenizer) IsControl(id int32) bool { return t.valid(id) && t.v.attr[id].hidden() }

// Lookup returns the id of the token whose text in the file is text.
func (t *Tokenizer) Lookup(text string) (id int32, ok bool) {
	id, ok = t.v.id[text]
	return id, ok
}

func (t *Tokenizer) valid(id int32) bool { return id >= 0 && int(id) < len(t.v.text) }

// Encode returns the ids of text. addSpecial puts the begin token first if the model wants one.
// parseSpecial makes control tokens out of their texts ("<|im_end|>"); never set it for text that a
// stranger wrote.
//
// A text that begins with the begin token itself does not get a second one, except by llama.cpp's
// rules. No end token is added, whatever add_eos_token says: that key is for training and
// embeddings, and a model answers oddly behind it.
func (t *Tokenizer) Encode(text string, addSpecial, parseSpecial bool) []int32 {
	var ids []int32
	parts := t.specials.partition(text, parseSpecial)
	if addSpecial && t.AddBOS && (t.Rules == LlamaCpp || len(parts) == 0 || parts[0].id != t.BOS) {
		ids = append(ids, t.BOS)
	}
	var m merger
	prefix := t.AddSpacePrefix
	for _, f := range parts {
		if f.id != None {
			ids = append(ids, f.id)
			prefix = t.AddSpacePrefix
			continue
		}
		s := f.text
		if prefix {
			s = " " + s
		}
		ids = t.encoder.encode(ids, s, &m)
		prefix = false
	}
	return ids
}

// WritesBOS reports whether Encode finds the begin token, which it would add, at the start of text.
func (t *Tokenizer) WritesBOS(text string) bool {
	if !t.AddBOS || !strings.HasPrefix(text, t.v.text[t.BOS]) {
		return false
	}
	return t.specials.longest(text, true) == t.BOS
}

// Piece returns the bytes that id stands for, which need not be valid UTF-8 by themselves. Control
// tokens give their text; ids outside the vocabulary give nothing.
func (t *Tokenizer) Piece(id int32) string {
	if !t.valid(id) {
		return ""
	}
	return t.v.piece[id]
}

// Decode returns the text of ids, with the texts of control tokens if special is set and without
// them otherwise. It undoes Encode: the space that Encode put before text is taken off again.
func (t *Tokenizer) Decode(ids []int32, special bool) string {
	var b strings.Builder
	prefix := t.AddSpacePrefix
	for _, id := range ids {
		if !t.valid(id) {
			continue
		}
		a := t.v.attr[id]
		if a&(attrHidden|attrUserDefined) != 0 {
			prefix = t.AddSpacePrefix
			if special || !a.hidden() {
				b.WriteString(t.v.piece[id])
			}
			continue
		}
		p := t.v.piece[id]
		if prefix {
			p = strings.TrimPrefix(p, " ")
		}
		prefix = false
		b.WriteString(p)
	}
	return b.String()
}
