package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/report"
)

// engine is a program that people run models with, and how its cache is asked for.
type engine struct {
	name  string // of --emit
	title string
	types []string // that its cache knows; nil for all of ours
	spell func(e *engine, w *wish) (lines, notes []string)
}

// ggmlTypes are those that llama.cpp's -ctk and -ctv accept (common/arg.cpp).
var ggmlTypes = []string{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}

// engines in the order they are shown. Facts: llama.cpp pull request 21038; TheTom/llama-cpp-turboquant 69d8e4be4,
// src/llama-kv-cache.cpp; ik_llama.cpp 8337e4cd3, common/common.cpp; ollama's FAQ.
var engines = []engine{
	{"llama.cpp", "llama.cpp", ggmlTypes, spellLlama},
	{"fork", "llama-cpp-turboquant", append(slices.Clone(ggmlTypes), "turbo2", "turbo3", "turbo4"), spellFork},
	{"ik", "ik_llama.cpp", []string{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}, spellIK},
	{"ollama", "ollama", []string{"f16", "q8_0", "q4_0"}, spellOllama},
	{"kvrun", "kvrun", nil, spellKvrun},
}

// wish is a cell as engines need to know it.
type wish struct {
	cell   string
	k, v   []want // by KV layer
	ends   []end  // by KV layer
	keyDim int
	group  int // query heads to a KV head, 0 when unknown
	model  string
}

// end is how many rows of a layer stay exact.
type end struct{ first, last int }

// want is one side of one layer.
type want struct{ typ, rotation, offset, spec string }

func wantOf(s kv.SideRecord) want {
	typ, rotation, offset := s.Parts()
	return want{typ, rotation, offset, s.Spec}
}

func wishOf(c *lab.CellResult, model string, group int) *wish {
	w := &wish{cell: c.Name, group: group, model: model}
	for _, l := range c.Plan.Layers {
		w.k, w.v = append(w.k, wantOf(l.K)), append(w.v, wantOf(l.V))
		w.ends = append(w.ends, end{l.First, l.Last})
		w.keyDim = l.KeyDim
	}
	return w
}

func same[T comparable](side []T) bool {
	return !slices.ContainsFunc(side, func(w T) bool { return w != side[0] })
}

// lacks says what of a wish an engine cannot do at all.
func (e *engine) lacks(w *wish) (notes []string) {
	seen := map[string]bool{}
	for _, s := range slices.Concat(w.k, w.v) {
		if e.types != nil && !slices.Contains(e.types, s.typ) && !seen[s.typ] {
			seen[s.typ] = true
			notes = append(notes, fmt.Sprintf("%s has no cache type %s", e.title, s.typ))
		}
		if e.types != nil && s.offset != "" && !seen["offset"] {
			seen["offset"] = true
			notes = append(notes, e.title+" has no key offset")
		}
	}
	if e.types != nil && slices.ContainsFunc(w.ends, func(n end) bool { return n != end{} }) {
		notes = append(notes, e.title+" keeps no rows exact")
	}
	return notes
}

// choice is a wish in an engine's words.
func (e *engine) choice(level string, w *wish) report.Choice {
	c := report.Choice{Level: level}
	if len(w.k) == 0 {
		c.Note = "The model has no cache."
		return c
	}
	notes := e.lacks(w)
	if notes == nil {
		c.Lines, notes = e.spell(e, w)
	}
	if len(notes) > 0 {
		c.Note = strings.Join(notes, "; ") + "."
	}
	return c
}

// uniform refuses what differs between layers.
func uniform(e *engine, w *wish) (notes []string) {
	if !same(w.k) || !same(w.v) {
		notes = append(notes, e.title+" has one type for all layers")
	}
	return notes
}

// rotated says which sides are.
func rotated(w *wish) (k, v bool) { return w.k[0].rotation != "", w.v[0].rotation != "" }

// quantised says whether an engine would think of rotating a type.
func quantised(typ string) bool { return typ != "f32" && typ != "f16" && typ != "bf16" }

// spellLlama: quantised sides are rotated where heads are multiples of 64, unless LLAMA_ATTN_ROT_DISABLE is set, which
// holds for both sides. Keys are rotated in the largest tile of 64 * 2^n that divides the head.
func spellLlama(e *engine, w *wish) (lines, notes []string) {
	if notes = uniform(e, w); notes != nil {
		return nil, notes
	}
	k, v := rotated(w)
	can := w.keyDim%64 == 0
	flags := fmt.Sprintf("llama-server -m %s -fa on -ctk %s -ctv %s", w.model, w.k[0].typ, w.v[0].typ)
	wouldK, wouldV := can && quantised(w.k[0].typ), can && quantised(w.v[0].typ)
	switch {
	case k == wouldK && v == wouldV:
		if tile := 64 << twos(w.keyDim/64); k && tile != tileOf(w.k[0].rotation) {
			notes = append(notes, fmt.Sprintf("keys are rotated in tiles of %d there, of %d in what was measured", tile, tileOf(w.k[0].rotation)))
		}
		return []string{flags}, notes
	case !k && !v:
		return []string{"LLAMA_ATTN_ROT_DISABLE=1 " + flags}, nil
	}
	return nil, []string{"llama.cpp rotates both quantised sides or none: " + w.cell + " needs the fork or ik_llama.cpp"}
}

// spellFork: rotation is off unless asked for by side; three things it would do by itself are turned off.
func spellFork(e *engine, w *wish) (lines, notes []string) {
	if notes = uniform(e, w); notes != nil {
		return nil, notes
	}
	var env []string
	k, v := rotated(w)
	if k {
		env = append(env, "LLAMA_ATTN_ROT_K_OVERRIDE=1")
		if n := tileOf(w.k[0].rotation); n != 64 {
			env = append(env, "LLAMA_ATTN_ROT_K_NROT="+strconv.Itoa(n))
		}
	}
	if v {
		env = append(env, "LLAMA_ATTN_ROT_V_OVERRIDE=1")
		if n := tileOf(w.v[0].rotation); n != 64 {
			notes = append(notes, fmt.Sprintf("values are rotated in tiles of 64 there, of %d in what was measured", n))
		}
	}
	kt, vt := w.k[0].typ, w.v[0].typ
	if strings.HasPrefix(kt, "turbo") && kt == vt && (w.group >= 6 || w.group == 0) {
		env = append(env, "TURBO_AUTO_ASYMMETRIC=0") // else keys become q8_0 from six query heads to a KV head on
	}
	if vt == "turbo2" {
		env = append(env, "TURBO_LAYER_ADAPTIVE=0") // else values of the first and last two layers become q8_0
	}
	line := fmt.Sprintf("llama-server -m %s -fa on -ctk %s -ctv %s", w.model, kt, vt)
	return []string{strings.Join(append(env, line), " ")}, notes
}

// spellIK: a Hadamard transform of the whole head by side, and types of its own for the first and last layers.
func spellIK(e *engine, w *wish) (lines, notes []string) {
	line := "llama-server -m " + w.model + " -fa on"
	for _, s := range []struct {
		letter string
		side   []want
	}{{"k", w.k}, {"v", w.v}} {
		first, last, ok := edges(s.side)
		if !ok {
			return nil, []string{"ik_llama.cpp has one type for the first, one for the last and one for all other layers"}
		}
		inner := s.side[first]
		line += " -ct" + s.letter + " " + inner.typ
		if first > 0 {
			line += fmt.Sprintf(" -ct%s-first %s,%d", s.letter, s.side[0].typ, first)
		}
		if last > 0 {
			line += fmt.Sprintf(" -ct%s-last %s,%d", s.letter, s.side[len(s.side)-1].typ, last)
		}
		if inner.rotation != "" {
			line += " -" + s.letter + "had"
			if n := tileOf(inner.rotation); n != w.keyDim {
				notes = append(notes, fmt.Sprintf("-%shad turns the whole head of %d, what was measured tiles of %d", s.letter, w.keyDim, n))
			}
		}
	}
	return []string{line}, notes
}

// edges cuts a side into first, inner and last layers of one type each.
func edges(side []want) (first, last int, ok bool) {
	var runs []int // beginnings
	for i := range side {
		if i == 0 || side[i].typ != side[i-1].typ {
			runs = append(runs, i)
		}
		if side[i].rotation != side[0].rotation {
			return 0, 0, false
		}
	}
	switch len(runs) {
	case 1:
		return 0, 0, true
	case 2:
		if runs[1] <= len(side)/2 {
			return runs[1], 0, true
		}
		return 0, len(side) - runs[1], true
	case 3:
		return runs[1], len(side) - runs[2], true
	}
	return 0, 0, false
}

// spellOllama: one type for keys and values of all models of a server.
func spellOllama(e *engine, w *wish) (lines, notes []string) {
	if notes = uniform(e, w); notes != nil {
		return nil, notes
	}
	if w.k[0].typ != w.v[0].typ {
		return nil, []string{"ollama has one type for keys and values"}
	}
	if k, v := rotated(w); k || v {
		notes = append(notes, "ollama has no switch for rotation: what was measured with it need not hold there")
	}
	notes = append(notes, "it holds for every model of the server")
	return []string{"OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=" + w.k[0].typ + " ollama serve"}, notes
}

// spellKvrun: flags, or the policy file that the cell is.
func spellKvrun(_ *engine, w *wish) (lines, notes []string) {
	var specs []string
	for _, s := range slices.Concat(w.k, w.v) {
		if file := " --spec " + shellQuote(s.spec); s.spec != "" && !slices.Contains(specs, file) {
			specs = append(specs, file)
		}
	}
	command := fmt.Sprintf("kvrun chat %s%s", w.model, strings.Join(specs, ""))
	if strings.HasSuffix(w.cell, ".json") {
		return []string{command + " --policy " + shellQuote(w.cell)}, nil
	}
	line := fmt.Sprintf("%s -ctk %s -ctv %s", command, shellQuote(w.k[0].typ), shellQuote(w.v[0].typ))
	for _, s := range []struct{ flag, rotation string }{{"--rot-k", w.k[0].rotation}, {"--rot-v", w.v[0].rotation}} {
		if s.rotation != "" {
			line += " " + s.flag + " " + shellQuote(s.rotation)
		}
	}
	if w.k[0].offset != "" {
		line += " --k-offset " + shellQuote(w.k[0].offset)
	}
	for _, n := range []struct {
		flag string
		rows int
	}{{"--keep-first", w.ends[0].first}, {"--keep-last", w.ends[0].last}} {
		if n.rows > 0 {
			line += fmt.Sprintf(" %s %d", n.flag, n.rows)
		}
	}
	if !same(w.k) || !same(w.v) || !same(w.ends) {
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
