package tokenizer

import "fmt"

// Metadata is what a tokenizer reads of a GGUF header; *gguf.File is one. A method reports found = false when the key is
// absent, and an error when it holds another type.
type Metadata interface {
	Str(key string) (v string, found bool, err error)
	U32(key string) (v uint32, found bool, err error)
	Bool(key string) (v, found bool, err error)
	Strs(key string) (v []string, found bool, err error)
	F32s(key string) (v []float32, found bool, err error)
	I32s(key string) (v []int32, found bool, err error)
}

// Limits on what a file may ask for. The largest published vocabularies have about 262 thousand tokens and 515 thousand
// merges; the bounds leave room for an order of magnitude.
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

// perToken reads an optional array that must have an entry for each of n tokens. A longer one is padding, which
// converters do write.
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

// flags reads the switches of Encode, whose values at entry are the defaults of the model.
func (t *Tokenizer) flags(m Metadata) error {
	for _, s := range []struct {
		key string
		v   *bool
	}{{keyAddBOS, &t.AddBOS}, {keyAddEOS, &t.AddEOS}} {
		var err error
		if *s.v, err = optional(m.Bool, s.key, *s.v); err != nil {
			return err
		}
	}
	return nil
}
