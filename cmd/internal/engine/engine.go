// Package engine spells a planned cache for other programs that people run models with, and says
// what of it they lack. The names of cache types in it are theirs: a new type of this project needs
// no change here.
package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Engine is a program that people run models with, and how its cache is asked for.
type Engine struct {
	Name  string // in one word
	Title string

	types []string // that its cache knows; nil for all of ours
	spell func(e *Engine, r *Request) (lines, notes []string)
}

// ggmlTypes are those that llama.cpp's -ctk and -ctv accept (common/arg.cpp).
var ggmlTypes = []string{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}

// All are the engines, in the order they are shown. Facts: llama.cpp pull request 21038;
// TheTom/llama-cpp-turboquant 69d8e4be4, src/llama-kv-cache.cpp; ik_llama.cpp 8337e4cd3,
// common/common.cpp; ollama's FAQ.
var All = []Engine{
	{"llama.cpp", "llama.cpp", ggmlTypes, spellLlama},
	{"fork", "llama-cpp-turboquant", append(slices.Clone(ggmlTypes), "turbo2", "turbo3", "turbo4"), spellFork},
	{"ik", "ik_llama.cpp", []string{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}, spellIK},
	{"ollama", "ollama", []string{"f16", "q8_0", "q4_0"}, spellOllama},
	{"kvrun", "kvrun", nil, spellKvrun},
}

// Request is a planned cache as other engines need to know it.
type Request struct {
	cell   string
	k, v   []side // by KV layer
	ends   []ends // by KV layer
	keyDim int
	group  int // query heads to a KV head, 0 when unknown
	model  string
}

// ends is how many rows of a layer stay exact.
type ends struct{ first, last int }

// side is one side of one layer.
type side struct{ typ, rotation, offset, spec string }

func sideOf(s kv.SideRecord) side {
	typ, rotation, offset := s.Parts()
	return side{typ, rotation, offset, s.Spec}
}

// NewRequest is the cache that a cell was planned as, for a model with group query heads to a KV
// head (0 when unknown). Model is the word that stands for the model in a command.
func NewRequest(cell string, plan kv.Record, model string, group int) *Request {
	r := &Request{cell: cell, group: group, model: model}
	for _, l := range plan.Layers {
		r.k, r.v = append(r.k, sideOf(l.K)), append(r.v, sideOf(l.V))
		r.ends = append(r.ends, ends{l.First, l.Last})
		r.keyDim = l.KeyDim
	}
	return r
}

func same[T comparable](layers []T) bool {
	return !slices.ContainsFunc(layers, func(l T) bool { return l != layers[0] })
}

// lacks says what of a request an engine cannot do at all.
func (e *Engine) lacks(r *Request) (notes []string) {
	seen := map[string]bool{}
	for _, s := range slices.Concat(r.k, r.v) {
		if e.types != nil && !slices.Contains(e.types, s.typ) && !seen[s.typ] {
			seen[s.typ] = true
			notes = append(notes, fmt.Sprintf("%s has no cache type %s", e.Title, s.typ))
		}
		if e.types != nil && s.offset != "" && !seen["offset"] {
			seen["offset"] = true
			notes = append(notes, e.Title+" has no key offset")
		}
	}
	if e.types != nil && slices.ContainsFunc(r.ends, func(n ends) bool { return n != ends{} }) {
		notes = append(notes, e.Title+" keeps no rows exact")
	}
	return notes
}

// Spell is the request in the engine's words, as lines for a shell, and what is to be known of
// them. There are no lines where the engine has no such cache; note says why.
func (e *Engine) Spell(r *Request) (lines []string, note string) {
	if len(r.k) == 0 {
		return nil, "The model has no cache."
	}
	notes := e.lacks(r)
	if notes == nil {
		lines, notes = e.spell(e, r)
	}
	if len(notes) > 0 {
		note = strings.Join(notes, "; ") + "."
	}
	return lines, note
}

// uniform refuses what differs between layers.
func uniform(e *Engine, r *Request) (notes []string) {
	if !same(r.k) || !same(r.v) {
		notes = append(notes, e.Title+" has one type for all layers")
	}
	return notes
}

// rotated says which sides are.
func rotated(r *Request) (k, v bool) { return r.k[0].rotation != "", r.v[0].rotation != "" }

// quantised says whether an engine would think of rotating a type.
func quantised(typ string) bool { return typ != "f32" && typ != "f16" && typ != "bf16" }

// spellLlama: quantised sides are rotated where heads are multiples of 64, unless
// LLAMA_ATTN_ROT_DISABLE is set, which holds for both sides. Keys are rotated in the largest tile
// of 64 * 2^n that divides the head.
func spellLlama(e *Engine, r *Request) (lines, notes []string) {
	if notes = uniform(e, r); notes != nil {
		return nil, notes
	}
	k, v := rotated(r)
	can := r.keyDim%64 == 0
	flags := fmt.Sprintf("llama-server -m %s -fa on -ctk %s -ctv %s", r.model, r.k[0].typ, r.v[0].typ)
	wouldK, wouldV := can && quantised(r.k[0].typ), can && quantised(r.v[0].typ)
	switch {
	case k == wouldK && v == wouldV:
		if tile := 64 << twos(r.keyDim/64); k && tile != tileOf(r.k[0].rotation) {
			notes = append(notes, fmt.Sprintf("keys are rotated in tiles of %d there, of %d in what was measured", tile, tileOf(r.k[0].rotation)))
		}
		return []string{flags}, notes
	case !k && !v:
		return []string{"LLAMA_ATTN_ROT_DISABLE=1 " + flags}, nil
	}
	return nil, []string{"llama.cpp rotates both quantised sides or none: " + r.cell + " needs the fork or ik_llama.cpp"}
}

// spellFork: rotation is off unless asked for by side; three things it would do by itself are
// turned off.
func spellFork(e *Engine, r *Request) (lines, notes []string) {
	if notes = uniform(e, r); notes != nil {
		return nil, notes
	}
	var env []string
	k, v := rotated(r)
	if k {
		env = append(env, "LLAMA_ATTN_ROT_K_OVERRIDE=1")
		if n := tileOf(r.k[0].rotation); n != 64 {
			env = append(env, "LLAMA_ATTN_ROT_K_NROT="+strconv.Itoa(n))
		}
	}
	if v {
		env = append(env, "LLAMA_ATTN_ROT_V_OVERRIDE=1")
		if n := tileOf(r.v[0].rotation); n != 64 {
			notes = append(notes, fmt.Sprintf("values are rotated in tiles of 64 there, of %d in what was measured", n))
		}
	}
	kt, vt := r.k[0].typ, r.v[0].typ
	if strings.HasPrefix(kt, "turbo") && kt == vt && (r.group >= 6 || r.group == 0) {
		// Else keys become q8_0 from six query heads to a KV head on.
		env = append(env, "TURBO_AUTO_ASYMMETRIC=0")
	}
	if vt == "turbo2" {
		// Else values of the first and last two layers become q8_0.
		env = append(env, "TURBO_LAYER_ADAPTIVE=0")
	}
	line := fmt.Sprintf("llama-server -m %s -fa on -ctk %s -ctv %s", r.model, kt, vt)
	return []string{strings.Join(append(env, line), " ")}, notes
}

// spellIK: a Hadamard transform of the whole head by side, and types of its own for the first and
// last layers.
func spellIK(e *Engine, r *Request) (lines, notes []string) {
	line := "llama-server -m " + r.model + " -fa on"
	for _, s := range []struct {
		letter string
		sides  []side
	}{{"k", r.k}, {"v", r.v}} {
		first, last, ok := edges(s.sides)
		if !ok {
			return nil, []string{"ik_llama.cpp has one type for the first, one for the last and one for all other layers"}
		}
		inner := s.sides[first]
		line += " -ct" + s.letter + " " + inner.typ
		if first > 0 {
			line += fmt.Sprintf(" -ct%s-first %s,%d", s.letter, s.sides[0].typ, first)
		}
		if last > 0 {
			line += fmt.Sprintf(" -ct%s-last %s,%d", s.letter, s.sides[len(s.sides)-1].typ, last)
		}
		if inner.rotation != "" {
			line += " -" + s.letter + "had"
			if n := tileOf(inner.rotation); n != r.keyDim {
				notes = append(notes, fmt.Sprintf("-%shad turns the whole head of %d, what was measured tiles of %d", s.letter, r.keyDim, n))
			}
		}
	}
	return []string{line}, notes
}

// edges cuts the layers of a side into first, inner and last layers of one type each.
func edges(layers []side) (first, last int, ok bool) {
	var runs []int // beginnings
	for i := range layers {
		if i == 0 || layers[i].typ != layers[i-1].typ {
			runs = append(runs, i)
		}
		if layers[i].rotation != layers[0].rotation {
			return 0, 0, false
		}
	}
	switch len(runs) {
	case 1:
		return 0, 0, true
	case 2:
		if runs[1] <= len(layers)/2 {
			return runs[1], 0, true
		}
		return 0, len(layers) - runs[1], true
	case 3:
		return runs[1], len(layers) - runs[2], true
	}
	return 0, 0, false
}

// spellOllama: one type for keys and values of all models of a server.
func spellOllama(e *Engine, r *Request) (lines, notes []string) {
	if notes = uniform(e, r); notes != nil {
		return nil, notes
	}
	if r.k[0].typ != r.v[0].typ {
		return nil, []string{"ollama has one type for keys and values"}
	}
	if k, v := rotated(r); k || v {
		notes = append(notes, "ollama has no switch for rotation: what was measured with it need not hold there")
	}
	notes = append(notes, "it holds for every model of the server")
	return []string{"OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=" + r.k[0].typ + " ollama serve"}, notes
}

// spellKvrun: flags, or the policy file that the cell is.
func spellKvrun(_ *Engine, r *Request) (lines, notes []string) {
	var specs []string
	for _, s := range slices.Concat(r.k, r.v) {
		if file := " --spec " + ShellQuote(s.spec); s.spec != "" && !slices.Contains(specs, file) {
			specs = append(specs, file)
		}
	}
	command := fmt.Sprintf("kvrun chat %s%s", r.model, strings.Join(specs, ""))
	if strings.HasSuffix(r.cell, ".json") {
		return []string{command + " --policy " + ShellQuote(r.cell)}, nil
	}
	line := fmt.Sprintf("%s -ctk %s -ctv %s", command, ShellQuote(r.k[0].typ), ShellQuote(r.v[0].typ))
	for _, s := range []struct{ flag, rotation string }{{"--rot-k", r.k[0].rotation}, {"--rot-v", r.v[0].rotation}} {
		if s.rotation != "" {
			line += " " + s.flag + " " + ShellQuote(s.rotation)
		}
	}
	if r.k[0].offset != "" {
		line += " --k-offset " + ShellQuote(r.k[0].offset)
	}
	for _, n := range []struct {
		flag string
		rows int
	}{{"--keep-first", r.ends[0].first}, {"--keep-last", r.ends[0].last}} {
		if n.rows > 0 {
			line += fmt.Sprintf(" %s %d", n.flag, n.rows)
		}
	}
	if !same(r.k) || !same(r.v) || !same(r.ends) {
		return nil, []string{"it differs between layers: give it as a file, with --policy"}
	}
	return []string{line}, nil
}

// tileOf is the tile of a rotation: attn is of 64, the others say it in their names.
func tileOf(rotation string) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(rotation, "attn")); err == nil {
		return n
	}
	return 64
}

// twos is how often n can be halved.
func twos(n int) (k int) {
	for n > 0 && n%2 == 0 {
		n, k = n/2, k+1
	}
	return k
}

// ShellQuote makes one word for a shell of s.
func ShellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-+=:,@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
