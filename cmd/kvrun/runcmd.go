package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
)

// demoPrompt is continued when the embedded model is run without a prompt.
const demoPrompt = "KING RICHARD III:\n"

// runResult is the JSON of kvrun run.
type runResult struct {
	Prompt       string  `json:"prompt"`
	Text         string  `json:"text"`
	Tokens       []int32 `json:"tokens"`
	PromptTokens int     `json:"n_prompt"`
	Generated    int     `json:"n_gen"`
	Stop         string  `json:"stop"`
	Shifts       int     `json:"n_context_shifts"`
	Seed         uint64  `json:"seed"`
	LoadMS       float64 `json:"load_ms"`
	FirstMS      float64 `json:"first_token_ms"` // from the start of the command
	PromptTS     float64 `json:"prompt_ts"`      // tokens per second
	GenTS        float64 `json:"gen_ts"`
	Record       record  `json:"record"`
}

// runCommand continues a text.
func runCommand(e *environment, args []string) error {
	start := time.Now()
	var m modelFlags
	var f sampleFlags
	var prompt, file string
	var quiet bool
	fs := newFlags("run")
	fs.StringVarP(&prompt, "prompt", "p", "", "`text` to continue")
	fs.StringVarP(&file, "file", "f", "", "`file` with the text to continue; - is the standard input")
	fs.BoolVar(&quiet, "no-display-prompt", false, "print what is generated only")
	f.add(fs, 128)
	m.add(fs, model.Fast)
	if err := e.parse(fs, "[MODEL] [-p TEXT] [flags]", args); err != nil {
		return err
	}
	if err := m.check(e, fs.Args()); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if file != "" {
		if prompt != "" {
			return errors.New("--prompt and --file are both given")
		}
		var err error
		if prompt, err = e.readText(file); err != nil {
			return err
		}
	}
	if prompt == "" && m.model == "" {
		prompt = demoPrompt
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	g, err := s.generation(&f)
	if err != nil {
		return err
	}
	defer g.c.Close()
	loaded := time.Since(start)
	tokens := g.t.Encode(prompt, true, true)
	if len(tokens) == 0 {
		return errors.New("nothing to continue: give --prompt or --file")
	}
	if len(tokens) >= g.c.Cache.Size {
		return fmt.Errorf("the prompt has %d tokens and the context %d positions", len(tokens), g.c.Cache.Size)
	}
	if g.keep == 0 && g.t.AddBOS {
		g.keep = 1
	}
	if !m.json {
		s.describe(e.stderr)
		if !quiet {
			fmt.Fprint(e.stdout, prompt)
		}
	}
	text := ""
	p, err := g.more(e.ctx, tokens, func(piece string) error {
		text += piece
		if m.json {
			return nil
		}
		_, err := io.WriteString(e.stdout, piece)
		return err
	})
	if err != nil {
		return err
	}
	r := runResult{
		Prompt: prompt, Text: text, Tokens: p.ids, PromptTokens: len(tokens), Generated: len(p.ids), Stop: p.stop, Shifts: g.shifts, Seed: f.Seed,
		LoadMS: ms(loaded), FirstMS: ms(loaded + p.prompt), PromptTS: rate(len(tokens), p.prompt), GenTS: rate(len(p.ids)-1, p.total-p.prompt),
		Record: s.record(g.c),
	}
	if m.json {
		return printJSON(e.stdout, r)
	}
	fmt.Fprintln(e.stdout)
	if r.Stop == stopFull {
		fmt.Fprintf(e.stderr, "note: stopped after %d of %d tokens: the context of %d positions is full and none may be dropped\n",
			r.Generated, f.predict, g.c.Cache.Size)
	}
	if m.verbose {
		fmt.Fprintf(e.stderr, "stop: %s; seed %d; load %.0f ms, first token after %.0f ms; prompt %d tokens, %.1f/s; generated %d tokens, %.1f/s\n",
			r.Stop, r.Seed, r.LoadMS, r.FirstMS, r.PromptTokens, r.PromptTS, r.Generated, r.GenTS)
	}
	return nil
}

// generation starts a context to generate in. A large vocabulary takes as long to read as the cache to allocate, so both
// are done at the same time.
func (s *session) generation(f *sampleFlags) (*generation, error) {
	var c *model.Context
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, failed = s.start(s.defaultSize())
	}()
	t, err := s.vocabulary()
	<-done
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		c.Close()
		return nil, err
	}
	return &generation{c: c, t: t, sampler: sample.New(f.Options), flags: f, keep: f.keep}, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rate(n int, d time.Duration) float64 {
	if n < 1 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
