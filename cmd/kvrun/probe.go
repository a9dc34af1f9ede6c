package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/model"
)

// probeFlags are those of kvrun probe alone.
type probeFlags struct {
	in             promptFlags
	prompts, files []string
	cells          []string
	reference      string
	chat           bool
	predict        int
	lengths        []int
	positions      []string
	haystack       string
	at             []float64 // positions
}

// probeResult is the JSON of kvrun probe.
type probeResult struct {
	Reference string        `json:"reference"`
	Chat      bool          `json:"chat"`
	Predict   int           `json:"n_predict"`
	Prompts   []probePrompt `json:"prompts"`
	Policies  []probePolicy `json:"policies"`
	Needle    *probeNeedle  `json:"needle,omitempty"`
	Record    record        `json:"record"` // its plan is the reference's

	Interrupted bool `json:"interrupted,omitempty"` // by Ctrl-C, so that policies are missing
}

type probePrompt struct {
	Prompt    string         `json:"prompt"`
	Tokens    int            `json:"n_prompt"`
	Reference lab.Completion `json:"reference"`
}

type probePolicy struct {
	Policy      string           `json:"policy"`
	Completions []lab.Completion `json:"completions"` // by prompt
	Agreements  []lab.Agreement  `json:"agreements"`
	Summary     lab.Summary      `json:"summary"`
	Needle      *needleOutcome   `json:"needle,omitempty"`
	Plan        kv.Record        `json:"plan"`
}

type probeNeedle struct {
	Text      string           `json:"needle"`
	Haystack  string           `json:"haystack"`
	Reference []lab.NeedleCell `json:"reference"`
}

type needleOutcome struct {
	Score lab.NeedleScore  `json:"score"`
	Cells []lab.NeedleCell `json:"cells"`
}

// probeCommand completes prompts with the reference cache and with others, side by side.
func probeCommand(e *environment, args []string) error {
	var m modelFlags
	var f probeFlags
	fs := newFlags("probe")
	fs.StringArrayVarP(&f.prompts, "prompt", "p", nil, "`text` to continue; may be given again (default: the study's three)")
	f.in.addEscapes(fs)
	fs.StringArrayVarP(&f.files, "file", "f", nil, "`file` with a text to continue; may be given again")
	fs.StringSliceVar(&f.cells, "cells", nil, "caches to compare, `K/V,...`: q8_0/turbo4, q4_0+attn or a policy file (default: q8_0,q8_0/turbo4,q4_0)")
	fs.StringVar(&f.reference, "reference", "f16", "`cache` they are compared with")
	fs.BoolVar(&f.chat, "chat", false, "put the prompts as questions, in the model's chat template")
	m.templateFlag(fs)
	fs.IntVarP(&f.predict, "predict", "n", 64, "`tokens` of a completion at most")
	fs.IntSliceVar(&f.lengths, "needle", nil, "also look for a sentence hidden in a text of so many `tokens,...`")
	fs.StringSliceVar(&f.positions, "positions", []string{"0.1", "0.5", "0.9"}, "where it is hidden, as `shares,...` of the text")
	fs.StringVar(&f.haystack, "haystack", "", "`text` to hide it in (default: the embedded corpus)")
	m.add(fs, model.Exact)
	s, err := e.begin(fs, "[MODEL] [-p TEXT] [--cells K/V,...] [flags]", args, &m, nil, func() error {
		if err := f.check(); err != nil {
			return err
		}
		return f.read(e)
	})
	if err != nil {
		return err
	}
	defer s.Close()
	cells, err := s.cells(f.cells, "q8_0", "q8_0/turbo4", "q4_0")
	if err != nil {
		return err
	}
	reference, err := s.cellOf(f.reference)
	if err != nil {
		return err
	}
	p, err := s.newProbe(e, &f)
	if err != nil {
		return err
	}
	result, err := p.run(e, reference, cells)
	if err != nil && !(errors.Is(err, context.Canceled) && result != nil) {
		return err
	}
	if m.json {
		return errors.Join(printJSON(e.stdout, result), err)
	}
	s.remarks(e.stderr)
	return errors.Join(printProbe(e.stdout, result), err)
}

func (f *probeFlags) check() error {
	if f.predict < 1 || f.predict > 1<<16 {
		return fmt.Errorf("--predict %d: want 1 to %d", f.predict, 1<<16)
	}
	for _, n := range f.lengths {
		if n < 1 || n > 1<<24 {
			return fmt.Errorf("--needle %d: want 1 to %d tokens", n, 1<<24)
		}
	}
	for _, s := range f.positions {
		at, err := strconv.ParseFloat(s, 64)
		if err != nil || !(at >= 0 && at <= 1) {
			return fmt.Errorf("--positions %q: want a share of the text, 0 to 1", s)
		}
		f.at = append(f.at, at)
	}
	return nil
}

// read completes the prompts by those in files and by the study's.
func (f *probeFlags) read(e *environment) error {
	for i, text := range f.prompts {
		f.prompts[i] = f.in.unescaped(text)
	}
	for _, path := range f.files {
		text, err := e.readText(path)
		if err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			return fmt.Errorf("%s: the text is empty", path)
		}
		f.prompts = append(f.prompts, text)
	}
	if len(f.prompts) == 0 {
		f.prompts = lab.StudyPrompts
	}
	return nil
}

// probe is what is completed: prompts, then needles.
type probe struct {
	*session
	flags   *probeFlags
	prompts [][]int32
	needles []lab.NeedleCell // without answers
	from    string           // of the haystack
	encode  func(text string) ([]int32, error)
}

func (s *session) newProbe(e *environment, f *probeFlags) (*probe, error) {
	p := &probe{session: s, flags: f, from: f.haystack}
	t, err := s.vocabulary()
	if err != nil {
		return nil, err
	}
	p.encode = func(text string) ([]int32, error) { return t.Encode(text, true, true), nil }
	hide := func(hay string) ([]int32, error) { return t.Encode(hay+lab.NeedleLead, true, false), nil }
	if f.chat {
		template, err := s.template()
		if err != nil {
			return nil, err
		}
		ask := func(text string) ([]int32, error) {
			return template.Tokens([]chat.Message{{Role: "user", Content: text}}, true)
		}
		p.encode = ask
		hide = func(hay string) ([]int32, error) { return ask(hay + "\n\n" + lab.NeedleQuestion) }
	}
	for _, text := range f.prompts {
		tokens, err := p.encode(text)
		if err != nil {
			return nil, err
		}
		if !f.chat {
			s.noteBOS(text)
		}
		p.prompts = append(p.prompts, tokens)
	}
	if err := p.hide(e, lab.Haystack{Prompt: hide}); err != nil {
		return nil, err
	}
	for _, tokens := range p.prompts {
		if n := len(tokens) + f.predict; n > s.Context && !s.flags.allowFallback {
			return nil, refuse("a prompt of %d tokens and %d more: the model was trained for %d positions; --allow-fallback goes beyond",
				len(tokens), f.predict, s.Context)
		}
	}
	return p, nil
}

// hide adds a prompt for every needle.
func (p *probe) hide(e *environment, h lab.Haystack) (err error) {
	if len(p.flags.lengths) == 0 {
		return nil
	}
	h.Text = demo.Corpus()
	if p.from == "" {
		p.from = embedded
	} else if h.Text, err = e.readText(p.from); err != nil {
		return err
	}
	for _, n := range p.flags.lengths {
		for _, at := range p.flags.at {
			tokens, used, err := h.Hide(n, at)
			if err != nil {
				return fmt.Errorf("--needle %d: %w", n, err)
			}
			if used > len(h.Text) {
				p.notes = append(p.notes, fmt.Sprintf("%s is repeated to fill %d tokens", p.from, n))
			}
			p.prompts = append(p.prompts, tokens)
			p.needles = append(p.needles, lab.NeedleCell{Length: n, Tokens: len(tokens), At: at})
		}
	}
	return nil
}
