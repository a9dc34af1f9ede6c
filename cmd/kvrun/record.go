package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// record is what a result is a result of. It is part of the JSON of every command.
type record struct {
	Model      modelRecord `json:"model"`
	Tokens     *vocabulary `json:"tokenizer,omitempty"` // where text was read
	Math       string      `json:"math"`
	ISA        string      `json:"isa"`
	Threads    int         `json:"n_threads"`
	Size       int         `json:"n_ctx"`
	Batch      int         `json:"n_batch"`
	Placements []placement `json:"placements,omitempty"` // where a model is on several devices
	Plan       kv.Record   `json:"plan"`
	Honoured   bool        `json:"honoured"`
	Unmet      []string    `json:"unmet,omitempty"` // requests not met, beside those in the plan
	Notes      []string    `json:"notes,omitempty"`
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
	r.Placements, _ = s.placements() // of what load placed
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
	for _, t := range s.table.Types() {
		if n, ok := bytes[uint32(t.ID)]; ok && t.ID >= 0 && n > most {
			most, m.Type = n, t.Name
		}
	}
	return m
}

// summary is the plan in one line.
func (s *session) summary() string {
	k, v := policy.Summary(s.plan)
	return fmt.Sprintf("%s: cache K %s, V %s, %s; math %s, %s, %d threads",
		s.path, k, v, policy.Cost(s.plan, s.defaultSize()), s.flags.kind, s.flags.computedBy(), s.flags.threads)
}

// describe prints what is about to run: one line, the plan by layers with --verbose or where it is
// not what was asked for.
func (s *session) describe(w io.Writer) {
	fmt.Fprintln(w, plain.Message(s.summary()))
	if all, err := s.placements(); err == nil {
		for _, p := range all {
			fmt.Fprintln(w, plain.Message(p.String()))
		}
	}
	if s.flags.verbose || !s.plan.Honoured() {
		policy.Print(plain.NewWriter(w), s.plan, s.defaultSize())
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

// modelHash is the hash of the identity of a session's model in a result. It is computed when the
// result is written, as all weights are read for it. An empty one says that they could not be read,
// or that the program was interrupted.
type modelHash struct {
	of   *session
	text string // of a result that was read
}

func (h modelHash) String() string {
	if h.of == nil {
		return h.text
	}
	id, err := h.of.identity()
	if err != nil {
		return ""
	}
	return id.Hash()
}

func (h modelHash) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

func (h *modelHash) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &h.text) }

// printVersion says what this program was built from, as far as the build recorded it, and what it
// computes with here.
func printVersion(w io.Writer) {
	version.Print(w, "kvrun")
	fmt.Fprintf(w, ", kernels: %s\n", kernels.Default().ISA())
}

// short is a count in thousands, millions or billions.
func short(n float64) string {
	for _, u := range []struct {
		unit float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if n >= u.unit {
			return fmt.Sprintf("%.4g%s", n/u.unit, u.name)
		}
	}
	return fmt.Sprint(n)
}
