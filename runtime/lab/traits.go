package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Traits are what makes a model's cache fragile.
type Traits struct {
	Layers  int  `json:"kv_layers"`
	Sinks   int  `json:"sink_layers"`  // KV layers whose first position is a sink
	KeyBias bool `json:"key_bias"`     // the keys have a bias
	Group   int  `json:"gqa_group"`    // most query heads that share a KV head
	Tuned   bool `json:"instruct"`     // the model has a chat template
	Trained bool `json:"sink_weights"` // sinks are weights and take no position
}

// sinkPositions is how many positions are looked at, and sinkShare how small the values of the
// first must be beside the median of the others.
const sinkPositions, sinkShare = 64, .25

// Examine looks at a model, and runs the first tokens of a text. Attention that has nowhere to go
// is given to the first position, whose values are small so that it adds nothing (Xiao et al.,
// arXiv 2309.17453; Guo et al., arXiv 2410.13835). A layer counts as one with a sink when the
// values of its first position are.
func Examine(ctx context.Context, m *model.Model, tokens []int32) (Traits, error) {
	t := Traits{Layers: len(m.KVLayers())}
	heads := m.QueryHeads()
	for i, l := range m.KVLayers() {
		if i < len(heads) && l.Heads > 0 {
			t.Group = max(t.Group, heads[i]/l.Heads)
		}
		t.KeyBias = t.KeyBias || has(m, l.Index, "attn_k.bias") || has(m, l.Index, "attn_qkv.bias")
		t.Trained = t.Trained || has(m, l.Index, "attn_sinks.weight")
	}
	if text, ok, err := m.File.Str("tokenizer.chat_template"); err == nil && ok && text != "" {
		t.Tuned = true
	}
	tokens = tokens[:min(len(tokens), sinkPositions)]
	if len(tokens) < 8 || t.Layers == 0 {
		return t, nil
	}
	f32 := kv.Choice{Type: m.Table.ByName("f32")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f32, V: f32})
	if err != nil {
		return t, err
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: len(tokens), Stop: ctx.Err})
	if err != nil {
		return t, err
	}
	defer c.Close()
	if _, err := c.Prefill(tokens); err != nil {
		return t, err
	}
	for i := range m.KVLayers() {
		norms := norms(c.Cache.Layer(i).V, len(tokens))
		rest := slices.Sorted(slices.Values(norms[1:]))
		if norms[0] < sinkShare*rest[len(rest)/2] {
			t.Sinks++
		}
	}
	return t, nil
}

func has(m *model.Model, layer int, name string) bool {
	_, ok := m.File.Tensor(fmt.Sprintf("blk.%d.%s", layer, name))
	return ok
}

// norms is the Euclidean norm of each of the first n rows of an f32 side, over all heads.
func norms(s *kv.Side, n int) []float64 {
	all := make([]float64, n)
	for h := range s.Heads {
		rows := s.Head(h)
		for p := range min(n, len(rows)/s.RowBytes) {
			for row := rows[p*s.RowBytes:][:s.RowBytes]; len(row) >= 4; row = row[4:] {
				v := float64(math.Float32frombits(binary.LittleEndian.Uint32(row)))
				all[p] += v * v
			}
		}
	}
	for p := range all {
		all[p] = math.Sqrt(all[p])
	}
	return all
}

// Group sizes and perplexities from which on a warning is due.
const (
	groupLimit = 6   // the fork's: it gives keys 8 bits from here on (llama-kv-cache.cpp)
	pplLimit   = 100 // of the reference; texts a model is at home in have 5 to 40
)

// Warnings are sentences on what makes the model fragile or the result doubtful; r may be nil.
func (t *Traits) Warnings(r *Result) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if t.KeyBias {
		say("Key bias: the keys of this model have a large constant part, which costs coarse key types most of their levels. Give keys 8 bits, or take the bias out of them (kvrun: --k-offset bias).")
	}
	if t.Group > groupLimit {
		say("GQA group of %d: every error in a key is seen by %d query heads. Give keys more bits than values.", t.Group, t.Group)
	}
	switch {
	case t.Trained:
		say("Attention sinks are weights of this model and take no position of the cache.")
	case t.Layers > 0 && 2*t.Sinks >= t.Layers:
		say("Attention sinks: the first position is one in %d of %d layers. Keeping the first rows exact costs next to nothing (kvrun: --keep-first 4).", t.Sinks, t.Layers)
	}
	if r == nil {
		return all
	}
	for i := range r.Tables {
		if x := &r.Tables[i]; x.PPL > pplLimit {
			hint := "Measure on text that the model is at home in."
			if t.Tuned {
				hint = "It is tuned for conversations: measure on some, with --chat FILE."
			}
			say("The reference itself has a perplexity of %.0f on %s: this text is foreign to the model, and what a cache does to it says little. %s", x.PPL, x.Corpus.Path, hint)
		}
	}
	return all
}
