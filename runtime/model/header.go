package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/program"
)

// Header reads the hyperparameters of a file. The first error sticks; graphs are built to the end
// and then dropped.
type Header struct {
	f    *gguf.File
	arch string
	err  error
	// keys that were read, defaults included: name without the architecture, value as text
	read map[string]string

	Layers int // block_count, without Next
	// nextn_predict_layers: blocks behind the others that predict tokens beyond the next one
	Next  int
	Width int // embedding_length
	// layers may lack attention or a feed-forward network, where numbers of the layer are 0
	sparse   bool
	headless bool // no layer has attention or a network, whatever numbers the file gives
	Context  int  // context_length, positions the model was trained for
	Eps      float32
	headsAll []uint32
	kvAll    []uint32
	ffnAll   []uint32
}

// Sizes beyond any model, so that products of a few of them stay far from overflow.
const (
	maxLayers = 4096
	maxSize   = 1 << 24
	maxHead   = 1 << 16 // values of a head: tables of RoPE are made before any tensor confirms it
)

func newHeader(f *gguf.File) (*Header, error) {
	arch, ok, err := f.Str("general.architecture")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("general.architecture is missing: not a model file")
	}
	return &Header{f: f, arch: arch, read: map[string]string{}}, nil
}

// common reads the keys of a transformer with RMS norms.
func (h *Header) common() {
	h.sizes()
	h.Eps = h.Float("attention.layer_norm_rms_epsilon", 0)
}

// sizes is common without the epsilon, whose key depends on the kind of norm.
func (h *Header) sizes() {
	h.Layers = h.Int("block_count", 0)
	if h.Layers > maxLayers {
		h.fail(fmt.Errorf("%s = %d: the limit is %d", h.key("block_count"), h.Layers, maxLayers))
		h.Layers = 0
	}
	// block_count counts them, whether their tensors are there or not.
	if h.Next = h.OptionalInt("nextn_predict_layers", 0); h.Next > 0 {
		if h.Next >= h.Layers {
			h.fail(fmt.Errorf("%s = %d of %d blocks: at least one must predict the next token", h.key("nextn_predict_layers"), h.Next, h.Layers))
			h.Next = 0
		}
		h.Layers -= h.Next
	}
	h.Width = h.Int("embedding_length", 0)
	h.Context = h.Int("context_length", 0)
	if h.headless {
		return
	}
	h.headsAll = h.perLayer("attention.head_count", nil, !h.sparse)
	h.kvAll = h.perLayer("attention.head_count_kv", h.headsAll, !h.sparse)
	if h.Has("feed_forward_length") { // families of experts alone do without
		h.ffnAll = h.perLayer("feed_forward_length", nil, !h.sparse)
	}
}

func (h *Header) key(name string) string { return h.arch + "." + name }

func (h *Header) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// Int is a positive integer; def stands for an absent key, 0 for a key that must be there.
func (h *Header) Int(name string, def int) int { return noted(h, name, h.integer(name, def)) }

func (h *Header) integer(name string, def int) int {
	v, ok, err := h.f.U64(h.key(name))
	switch {
	case err != nil:
		h.fail(err)
	case !ok && def == 0:
		h.fail(fmt.Errorf("%s is missing", h.key(name)))
	case ok && (v == 0 || v > maxSize):
		h.fail(fmt.Errorf("%s = %d: it must be 1 to %d", h.key(name), v, maxSize))
	case ok:
		return int(v)
	}
	// after an error the graph is dropped, but must not divide by zero on the way
	return max(1, def)
}

// OptionalInt is Int for a key that may be 0, which means that it is absent.
func (h *Header) OptionalInt(name string, def int) int {
	if v, ok, err := h.f.U64(h.key(name)); err == nil && (!ok || v == 0) {
		return noted(h, name, def)
	}
	return h.Int(name, 0)
}

// Has reports whether the file has the key.
func (h *Header) Has(name string) bool {
	_, _, ok := h.f.Kind(h.key(name))
	return ok
}

// Float is a finite positive number; def stands for an absent key, 0 for a key that must be there.
func (h *Header) Float(name string, def float32) float32 { return noted(h, name, h.float(name, def)) }

func (h *Header) float(name string, def float32) float32 {
	v, ok, err := h.f.F32(h.key(name))
	switch {
	case err != nil:
		h.fail(err)
	case !ok && def == 0:
		h.fail(fmt.Errorf("%s is missing", h.key(name)))
	case ok && !(v > 0 && v <= math.MaxFloat32):
		h.fail(fmt.Errorf("%s = %v: it must be a positive number", h.key(name), v))
	case ok:
		return v
	}
	return def
}

// OptionalFloat is Float for a key that may be 0, which means that it is absent.
func (h *Header) OptionalFloat(name string, def float32) float32 {
	if v, ok, err := h.f.F32(h.key(name)); err == nil && (!ok || v == 0) {
		return noted(h, name, def)
	}
	return h.Float(name, 0)
}

// ints is an array of integers from 0 on, nil when absent.
func (h *Header) ints(name string) []int {
	v, _, err := h.f.U32s(h.key(name))
	if err != nil {
		h.fail(err)
	}
	var all []int
	for _, x := range v {
		all = append(all, int(min(x, maxSize)))
	}
	return noted(h, name, all)
}

// Str is a string, "" when absent.
func (h *Header) Str(name string) string {
	v, _, err := h.f.Str(h.key(name))
	if err != nil {
		h.fail(err)
	}
	return noted(h, name, v)
}

// Flag is a truth value; def stands for an absent key.
func (h *Header) Flag(name string, def bool) bool {
	v, ok, err := h.f.Bool(h.key(name))
	if err != nil {
		h.fail(err)
	}
	if !ok {
		v = def
	}
	return noted(h, name, v)
}

// perLayer is a key that is one number or one per layer; def stands for an absent one, nil for one
// that must be there. positive: of all layers.
func (h *Header) perLayer(name string, def []uint32, positive bool) []uint32 {
	if _, n, ok := h.f.Kind(h.key(name)); ok && n > maxLayers {
		h.fail(fmt.Errorf("%s has %d elements: the limit is %d", h.key(name), n, maxLayers))
		return nil
	}
	v, ok, err := h.f.U32s(h.key(name))
	switch {
	case err != nil:
		h.fail(err)
		return nil
	case !ok && def == nil:
		h.fail(fmt.Errorf("%s is missing", h.key(name)))
		return nil
	case !ok:
		v = def
	case len(v) != 1 && len(v) < h.Layers:
		h.fail(fmt.Errorf("%s has %d elements for %d layers", h.key(name), len(v), h.Layers))
		return nil
	}
	for _, x := range v[:min(len(v), max(1, h.Layers))] {
		if x == 0 && (positive || len(v) == 1) || x > maxSize {
			h.fail(fmt.Errorf("%s has %d: it must be 1 to %d", h.key(name), x, maxSize))
			return nil
		}
	}
	h.notePerLayer(name, v)
	return v
}

// parts is whether a layer has attention or a feed-forward network, and whether it is only the last
// matrix of its attention.
func (h *Header) parts(layer int) (attention, matrix, ffn bool) {
	heads, kv := at(h.headsAll, layer) > 0, at(h.kvAll, layer) > 0
	switch {
	case heads && !kv && h.hasTensor(layer, "attn_q.weight"):
		h.fail(fmt.Errorf("layer %d: %s is 0 there, and the file has blk.%d.attn_q.weight", layer, h.key("attention.head_count_kv"), layer))
	case kv && !heads:
		h.fail(fmt.Errorf("layer %d: %d KV heads for no head", layer, at(h.kvAll, layer)))
	}
	ffn = h.ffnAll == nil || at(h.ffnAll, layer) > 0
	return heads && kv, heads && !kv && h.hasTensor(layer, "attn_output.weight"), ffn
}

// notePerLayer is noted for one number or one per layer, which are the same where all of them are.
func (h *Header) notePerLayer(name string, v []uint32) {
	if v = v[:min(len(v), max(1, h.Layers))]; len(slices.Compact(slices.Clone(v))) == 1 {
		v = v[:1]
	}
	noted(h, name, v)
}

// noted remembers what a key was read as.
func noted[T any](h *Header, name string, v T) T {
	h.read[name] = strings.ToValidUTF8(fmt.Sprint(v), "\ufffd")
	return v
}

func at(v []uint32, layer int) int {
	switch {
	case len(v) == 0:
		return 1 // after an error
	case len(v) == 1:
		return int(v[0])
	}
	return int(v[layer])
}

// Inner is the rows of the feed-forward network of a layer.
func (h *Header) Inner(layer int) int {
	if h.ffnAll == nil {
		h.fail(fmt.Errorf("%s is missing", h.key("feed_forward_length")))
	}
	return at(h.ffnAll, layer)
}

// Attention is an Attention of a layer with the sizes of the file, the usual tensor names and scale
// 1/sqrt(head) unless the file gives another.
func (h *Header) Attention(layer int) Attention {
	a := Attention{Heads: at(h.headsAll, layer), KVHeads: at(h.kvAll, layer),
		QKV: "attn_qkv", Q: "attn_q", K: "attn_k", V: "attn_v", Out: "attn_output"}
	if a.KVHeads == 0 || a.Heads%a.KVHeads != 0 {
		h.fail(fmt.Errorf("layer %d: %d heads are no multiple of %d KV heads", layer, a.Heads, a.KVHeads))
	}
	a.KeyDim = h.head("attention.key_length")
	a.ValueDim = h.head("attention.value_length")
	a.Scale = h.OptionalFloat("attention.scale", 1/float32(math.Sqrt(float64(a.KeyDim))))
	return a
}

// hasTensor reports whether a layer has a tensor.
func (h *Header) hasTensor(layer int, name string) bool {
	_, ok := h.f.Tensor(fmt.Sprintf("blk.%d.%s", layer, name))
	return ok
}

// slidingPattern says which layers see a sliding window. A file may list them; otherwise it is all
// but the last layer of each period, for which a file may give a number.
func (h *Header) slidingPattern(period int) func(layer int) bool {
	const name = "attention.sliding_window_pattern"
	if _, n, _ := h.f.Kind(h.key(name)); n > 0 {
		slides, _, err := h.f.Bools(h.key(name))
		switch {
		case err != nil:
			h.fail(err)
		case n < h.Layers:
			h.fail(fmt.Errorf("%s has %d elements for %d layers", h.key(name), n, h.Layers))
		default:
			noted(h, name, slides[:h.Layers])
			return func(layer int) bool { return slides[layer] }
		}
		return func(int) bool { return false }
	}
	period = h.Int(name, period)
	return func(layer int) bool { return layer%period < period-1 }
}

// GatedFFN is a GatedFFN of a layer with the sizes of the file and the usual tensor names.
func (h *Header) GatedFFN(layer int, act program.Activation) GatedFFN {
	return GatedFFN{Inner: h.Inner(layer), Gate: "ffn_gate", Up: "ffn_up", Down: "ffn_down", Act: act}
}

// head is a head size, by default the width divided among the heads of the first layer.
func (h *Header) head(name string) int {
	first := 1 // heads of the first layer that has some
	for i := range h.Layers {
		if n := at(h.headsAll, i); n > 0 {
			first = n
			break
		}
	}
	n := h.Int(name, max(1, h.Width/first))
	if n > maxHead {
		h.fail(fmt.Errorf("%s: heads of %d values: the limit is %d", h.key(name), n, maxHead))
		return 1
	}
	return n
}

// each makes the blocks of every layer.
func (h *Header) each(blocks func(layer int) []Block) [][]Block {
	var all [][]Block
	for i := range h.Layers {
		all = append(all, blocks(i))
	}
	return all
}
