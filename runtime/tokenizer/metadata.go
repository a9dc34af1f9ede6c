package tokenizer

import (
	"fmt"
	"math"
	"strings"
)

// Metadata is what a tokenizer reads of a GGUF header; *gguf.File is one. A method reports found =
// false when the key is absent, and an error when it holds another type.
type Metadata interface {
	Str(key string) (v string, found bool, err error)
	U32(key string) (v uint32, found bool, err error)
	Bool(key string) (v, found bool, err error)
	Strs(key string) (v []string, found bool, err error)
	F32s(key string) (v []float32, found bool, err error)
	I32s(key string) (v []int32, found bool, err error)
}

// Limits on what a file may ask for. The largest published vocabularies have about 262 thousand
// tokens and 515 thousand merges; the bounds leave room for an order of magnitude.
const (
	maxTokens = 1 << 22
	maxMerges = 1 << 23
)

const (
	keyModel          = "tokenizer.ggml.model"
	keyPre            = "tokenizer.ggml.pre"
	keyTokens         = "tokenizer.ggml.tokens"
	keyScores         = "tokenizer.ggml.scores"
	keyTokenTypes     = "tokenizer.ggml.token_type"
	keyMerges         = "tokenizer.ggml.merges"
	keyAddBOS         = "tokenizer.ggml.add_bos_token"
	keyAddEOS         = "tokenizer.ggml.add_eos_token"
	keyAddSpacePrefix = "tokenizer.ggml.add_space_prefix"
	keyModelName      = "general.name"
)

// require reads a value that a tokenizer cannot do without.
func require[T any](read func(string) (T, bool, error), key string) (T, error) {
	v, found, err := read(key)
	switch {
	case err != nil:
		err = fmt.Errorf("tokenizer: %w", err)
	case !found:
		err = fmt.Errorf("tokenizer: %s is missing", key)
	}
	return v, err
}

// optional reads a value, def where the file does not say.
func optional[T any](read func(string) (T, bool, error), key string, def T) (T, error) {
	v, found, err := read(key)
	switch {
	case err != nil:
		return v, fmt.Errorf("tokenizer: %w", err)
	case !found:
		return def, nil
	}
	return v, nil
}

// perToken reads an optional array that must have an entry for each of n tokens. A longer one is
// padding, which converters do write.
func perToken[T any](read func(string) ([]T, bool, error), key string, n int) ([]T, error) {
	v, found, err := read(key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("tokenizer: %w", err)
	case !found:
		return nil, nil
	case len(v) < n:
		return nil, fmt.Errorf("tokenizer: %s has %d entries, %s has %d", key, len(v), keyTokens, n)
	}
	return v[:n], nil
}

// scores reads one score per token. Some converters store whole numbers as integers.
func scores(m Metadata, n int) ([]float32, error) {
	v, err := perToken(m.F32s, keyScores, n)
	if err != nil {
		whole, wrong := perToken(m.I32s, keyScores, n)
		if wrong != nil {
			return nil, err
		}
		v = make([]float32, len(whole))
		for i, x := range whole {
			v[i] = float32(x)
		}
	}
	if v == nil {
		return nil, fmt.Errorf("tokenizer: %s is missing", keyScores)
	}
	for i, s := range v {
		if math.IsNaN(float64(s)) {
			return nil, fmt.Errorf("tokenizer: %s[%d] is not a number", keyScores, i)
		}
	}
	return v, nil
}

// missing is an error that names all that a vocabulary cannot do without and does not have, or nil.
func missing(m Metadata, model string) error {
	keys := []string{keyTokens, keyMerges}
	if model == "llama" {
		keys[1] = keyScores
	}
	var gone []string
	for _, key := range keys {
		_, strs, _ := m.Strs(key)
		_, floats, _ := m.F32s(key)
		if !strs && !floats {
			gone = append(gone, key)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("tokenizer: a %q vocabulary needs %s, which the file does not have", model, strings.Join(gone, " and "))
}

// flags reads whether BOS is added, the value at entry being the default of the model, and notes an
// end token that is not.
func (t *Tokenizer) flags(m Metadata) error {
	var err error
	if t.AddBOS, err = optional(m.Bool, keyAddBOS, t.AddBOS); err != nil {
		return err
	}
	eos, err := optional(m.Bool, keyAddEOS, false)
	if eos {
		t.Notes = append(t.Notes, keyAddEOS+" asks for an end token behind every text; it is left out, since text is continued")
	}
	return err
}
