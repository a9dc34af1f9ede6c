package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// record is what a result is a result of. It is part of the JSON of every command.
type record struct {
	Model    modelRecord `json:"model"`
	Tokens   *vocabulary `json:"tokenizer,omitempty"` // where text was read
	Math     string      `json:"math"`
	ISA      string      `json:"isa"`
	Threads  int         `json:"n_threads"`
	Size     int         `json:"n_ctx"`
	Batch    int         `json:"n_batch"`
	Plan     kv.Record   `json:"plan"`
	Honoured bool        `json:"honoured"`
	Unmet    []string    `json:"unmet,omitempty"` // requests that came to nothing, beside those in the plan
	Notes    []string    `json:"notes,omitempty"`
}

type modelRecord struct {
	Path       string    `json:"path"`
	Hash       modelHash `json:"hash"`
	Arch       string    `json:"arch"`
	Type       string    `json:"type"` // of most of its bytes
	Size       int64     `json:"size"` // bytes of the tensors
	Parameters int64     `json:"n_params"`

	Unused *model.Unused `json:"unused_tensors,omitempty"` // nil for none
}

// vocabulary says how text became tokens.
type vocabulary struct {
	Rules string `json:"rules"` // --tokenizer
	Model string `json:"model"` // tokenizer.ggml.model
	Pre   string `json:"pre,omitempty"`
}

// record describes the session; c is the context that was run, or nil.
func (s *session) record(c *model.Context) record {
	size := s.defaultSize()
	if c != nil {
		size = c.Cache.Size
	}
	r := record{
		Model: s.modelRecord(), Math: s.flags.kind.String(), ISA: s.flags.computedBy(), Threads: s.flags.threads,
		Plan:     s.plan.Record(size),
		Honoured: s.plan.Honoured() && len(s.unmet) == 0, Unmet: s.unmet, Notes: s.notes,
	}
	if t := s.tokens; t != nil {
		r.Tokens = &vocabulary{Rules: t.Rules.String(), Model: t.Model, Pre: t.Pre}
	}
	if c != nil {
		r.Size, r.Batch = c.Cache.Size, c.Batch
	}
	return r
}

func (s *session) modelRecord() modelRecord {
	m := modelRecord{Path: s.path, Hash: modelHash{of: s}, Arch: s.Arch}
	if u := s.Unused(); len(u.Predicting)+len(u.Harmless)+len(u.Strange) > 0 {
		m.Unused = &u
	}
	bytes := map[uint32]int64{}
	for _, t := range s.File.Tensors() {
		m.Size += t.Size
		m.Parameters += t.Elements()
		bytes[t.Type] += t.Size
	}
	most := int64(-1)
	for _, t := range kernels.Types() {
		if n, ok := bytes[uint32(t.ID)]; ok && t.ID >= 0 && n > most {
			most, m.Type = n, t.Name
		}
	}
	return m
}

// printPlan writes the plan for a context of size positions, equal layers together.
func printPlan(w io.Writer, p *kv.Plan, size int) {
	why := ""
	if len(p.Layers) > 0 {
		if why = p.Layers[0].K.Why; len(why) < 40 { // a short one stands with its side
			why = ""
		}
	}
	for i := range p.Layers {
		if l := p.Layers[i]; l.K.Why != why || l.V.Why != why {
			why = ""
		}
	}
	if why != "" {
		fmt.Fprintf(w, "  %s\n", why)
	}
	for _, group := range alike(p) {
		l := p.Layers[group[0]]
		if why != "" {
			l.K.Why, l.V.Why = "as said above", "as said above"
		}
		window := ""
		if l.Layer.Window > 0 {
			window = fmt.Sprintf(", window %d", l.Layer.Window)
		}
		fmt.Fprintf(w, "  %s: %d KV heads of %d/%d%s\n", spans(p, group), l.Layer.Heads, l.Layer.KeyDim, l.Layer.ValueDim, window)
		printSide(w, "K", l.K, l.Layer.KeyDim)
		printSide(w, "V", l.V, l.Layer.ValueDim)
		if e := l.Ends; e.Type != nil {
			packed := "older ones are packed 8 at a time"
			if size > 0 && e.First+e.Last >= size {
				packed = fmt.Sprintf("which is all of a context of %d: nothing is packed", size)
			}
			fmt.Fprintf(w, "    the first %d and the last %d rows stay in %s, %s\n", e.First, e.Last, e.Type.Name, packed)
		}
	}
	fmt.Fprintf(w, "  %s\n", cost(p, size))
}

// alike gathers the places in p.Layers of layers that are planned alike, wherever they stand, by the first of each.
func alike(p *kv.Plan) (groups [][]int) {
next:
	for i := range p.Layers {
		for k, group := range groups {
			a, b := p.Layers[group[0]], p.Layers[i]
			if a.Layer.Index, b.Layer.Index = 0, 0; a == b {
				groups[k] = append(group, i)
				continue next
			}
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// spans names layers of the model by their places in p.Layers: layers 0-4, 6-10, 12.
func spans(p *kv.Plan, places []int) string {
	if len(places) == 1 {
		return fmt.Sprintf("layer %d", p.Layers[places[0]].Layer.Index)
	}
	var parts []string
	for lo := 0; lo < len(places); {
		hi := lo
		for hi+1 < len(places) && places[hi+1] == places[hi]+1 {
			hi++
		}
		from, to := p.Layers[places[lo]].Layer.Index, p.Layers[places[hi]].Layer.Index
		if from == to {
			parts = append(parts, fmt.Sprint(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, to))
		}
		lo = hi + 1
	}
	return "layers " + strings.Join(parts, ", ")
}

// cost is what the plan stores, extras counted where there are any.
func cost(p *kv.Plan, size int) string {
	extras := false
	for i := range p.Layers {
		extras = extras || p.Layers[i].Ends.Type != nil || p.Layers[i].OffsetBytes() > 0
	}
	if !extras {
		return fmt.Sprintf("%d bytes per token, %.3f bits per value", p.BytesPerToken(), p.BitsPerValue(0))
	}
	return fmt.Sprintf("%d bytes per packed token, %.3f bits per value with exact rows and offsets in a context of %d", p.BytesPerToken(), p.BitsPerValue(size), size)
}

func printSide(w io.Writer, name string, s kv.SidePlan, dim int) {
	from := ""
	if file := s.Effective.Type.Spec; file != "" {
		from = ", a type of " + file
	}
	fmt.Fprintf(w, "    %s: requested %s, in effect %s (%s), %.3f bits per value%s%s\n", name, s.Requested, s.Effective, s.Why, s.BitsPerValue,
		padding(s.Effective.Type, dim), from)
}

// padding says where heads of dim values are stored longer than they are.
func padding(t *kernels.Type, dim int) string {
	if n := t.HeadDim(dim); n != dim {
		return fmt.Sprintf(", heads padded from %d to %d", dim, n)
	}
	return ""
}

// summary is the plan in one line.
func (s *session) summary() string {
	effective := func(side func(kv.LayerPlan) kv.SidePlan) string {
		var names []string
		for _, l := range s.plan.Layers {
			if n := side(l).Effective.String(); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		if len(names) != 1 {
			return fmt.Sprintf("%d types", len(names))
		}
		return names[0]
	}
	k, v := effective(func(l kv.LayerPlan) kv.SidePlan { return l.K }), effective(func(l kv.LayerPlan) kv.SidePlan { return l.V })
	return fmt.Sprintf("%s: cache K %s, V %s, %s; math %s, %s, %d threads",
		s.path, k, v, cost(s.plan, s.defaultSize()), s.flags.kind, s.flags.computedBy(), s.flags.threads)
}

// describe prints what is about to run: one line, the plan by layers with --verbose or where it is not what was asked for.
func (s *session) describe(w io.Writer) {
	fmt.Fprintln(w, plain.Message(s.summary()))
	if s.flags.verbose || !s.plan.Honoured() {
		printPlan(plain.NewWriter(w), s.plan, s.defaultSize())
	} else if s.rule != "" {
		fmt.Fprintln(w, "cache", plain.Message(s.rule))
	}
	s.remarks(w)
}

// remarks prints what is beside the plan.
func (s *session) remarks(w io.Writer) {
	for _, n := range s.unmet {
		fmt.Fprintln(w, "not honoured:", plain.Message(n))
	}
	for _, n := range s.notes {
		fmt.Fprintln(w, "note:", plain.Message(n))
	}
}

// printJSON writes v on several lines.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(plain.NewWriter(w))
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printLine writes v on one line.
func printLine(w io.Writer, v any) error {
	e := json.NewEncoder(plain.NewWriter(w))
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
