package openai

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// Sampling are the fields of a request by which tokens are drawn; nil for the server's default.
type Sampling struct {
	Temperature   *float64           `json:"temperature"`
	TopP          *float64           `json:"top_p"`
	TopK          *int               `json:"top_k"`
	MinP          *float64           `json:"min_p"`
	Repeat        *float64           `json:"repeat_penalty"`
	RepeatLast    *int               `json:"repeat_last_n"`
	Frequency     *float64           `json:"frequency_penalty"`
	Presence      *float64           `json:"presence_penalty"`
	Bias          map[string]float64 `json:"logit_bias"`
	Seed          *int64             `json:"seed"`
	IgnoreEnd     bool               `json:"ignore_eos"`
	Stop          jsontext.Value     `json:"stop"`
	N             *int               `json:"n"`
	Stream        bool               `json:"stream"`
	StreamOptions *streamOptions     `json:"stream_options"`

	// Plan is the id that the cache\'s plan must have, "" for any.
	Plan string `json:"cache_plan"`
}

type streamOptions struct {
	IncludeUsage       bool `json:"include_usage"`
	IncludeObfuscation bool `json:"include_obfuscation"`
}

// Bounds of a request.
const (
	maxChoices = 16
	maxStops   = 16
	maxStop    = 1024 // bytes
	maxTop     = 20
	maxBias    = 1024
	recent     = 1 << 12 // tokens that penalties count, as OpenAI counts all
)

// Apply sets what a request asks for, of a model whose vocabulary has so many tokens.
func (s *Sampling) Apply(o *generate.Options, vocabulary int) error {
	x := &o.Sampling
	for _, f := range []struct {
		name        string
		value       *float64
		to          *float64
		least, most float64
	}{
		{"temperature", s.Temperature, &x.Temperature, 0, 100},
		{"top_p", s.TopP, &x.TopP, 0, 1},
		{"min_p", s.MinP, &x.MinP, 0, 1},
		{"repeat_penalty", s.Repeat, &x.Repeat, .01, 100},
		{"frequency_penalty", s.Frequency, &x.Frequency, -2, 2},
		{"presence_penalty", s.Presence, &x.Presence, -2, 2},
	} {
		if f.value == nil {
			continue
		}
		if !(*f.value >= f.least && *f.value <= f.most) {
			return wire.Invalid(f.name, "%s: %g: want %g to %g", f.name, *f.value, f.least, f.most)
		}
		*f.to = *f.value
	}
	for _, f := range []struct {
		name  string
		value *int
		to    *int
		most  int
	}{{"top_k", s.TopK, &x.TopK, 1 << 24}, {"repeat_last_n", s.RepeatLast, &x.RepeatLast, 1 << 16}} {
		if f.value == nil {
			continue
		}
		if *f.value < -1 || *f.value > f.most {
			return wire.Invalid(f.name, "%s: %d: want 0 to %d", f.name, *f.value, f.most)
		}
		*f.to = max(0, *f.value)
	}
	if err := s.bias(x, vocabulary); err != nil {
		return err
	}
	if (x.Frequency != 0 || x.Presence != 0) && s.RepeatLast == nil {
		x.RepeatLast = max(x.RepeatLast, recent)
	}
	x.Seed = host.RandomSeed()
	if s.Seed != nil && *s.Seed != -1 { // llama-server's word for a random one
		x.Seed = uint64(*s.Seed)
	}
	o.IgnoreEnd = o.IgnoreEnd || s.IgnoreEnd
	var err error
	o.Stop, err = stops(s.Stop)
	return err
}

// bias reads the biases of tokens.
func (s *Sampling) bias(x *sample.Options, vocabulary int) error {
	if len(s.Bias) > maxBias {
		return wire.Invalid("logit_bias", "logit_bias: %d tokens: want at most %d", len(s.Bias), maxBias)
	}
	if len(s.Bias) > 0 {
		x.Bias = map[int32]float32{}
	}
	for id, v := range s.Bias {
		n, err := strconv.Atoi(id)
		if err != nil || strconv.Itoa(n) != id || n < 0 || n >= vocabulary { // 01 is 1 again
			return wire.Invalid("logit_bias", "logit_bias: %.32q is no token: want 0 to %d", id, vocabulary-1)
		}
		if !(v >= -100 && v <= 100) {
			return wire.Invalid("logit_bias", "logit_bias: %s: %g: want -100 to 100", id, v)
		}
		x.Bias[int32(n)] = float32(v)
	}
	return nil
}

// choices is how many answers are wanted.
func (s *Sampling) choices() (int, error) {
	if s.N == nil {
		return 1, nil
	}
	if *s.N < 1 || *s.N > maxChoices {
		return 0, wire.Invalid("n", "n: %d: want 1 to %d", *s.N, maxChoices)
	}
	return *s.N, nil
}

// usage says whether the last event of a stream has what the answer took.
func (s *Sampling) usage() bool { return s.StreamOptions != nil && s.StreamOptions.IncludeUsage }

// stops are the texts that end an answer: one, or a list.
func stops(v jsontext.Value) ([]string, error) {
	var all []string
	switch kind := v.Kind(); {
	case len(v) == 0 || kind == 'n':
		return nil, nil
	case kind == '"':
		all = []string{text(v)}
	case kind == '[' && unmarshal(v, &all) == nil:
	default:
		return nil, wire.Invalid("stop", "stop: want a text or a list of texts")
	}
	if len(all) > maxStops {
		return nil, wire.Invalid("stop", "stop: %d texts: want at most %d", len(all), maxStops)
	}
	out := all[:0]
	for _, s := range all {
		if len(s) > maxStop {
			return nil, wire.Invalid("stop", "stop: a text of %d bytes: want at most %d", len(s), maxStop)
		}
		if s != "" { // it would stand everywhere
			out = append(out, s)
		}
	}
	return out, nil
}

// limit is how many tokens are wanted at most.
func limit(o *generate.Options, name string, n *int64) error {
	if n == nil {
		return nil
	}
	if *n < 0 {
		return wire.Invalid(name, "%s: %d: want 0 or more", name, *n)
	}
	o.Limit = int(min(*n, 1<<30))
	return nil
}
