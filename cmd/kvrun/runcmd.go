package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// demoPrompt is continued when the embedded model is run without a prompt.
const demoPrompt = "KING RICHARD III:\n"

// runResult is the JSON of kvrun run.
type runResult struct {
	Prompt       string  `json:"prompt"`
	Text         string  `json:"text"`
	Tokens       []int32 `json:"tokens"`
	PromptTokens int     `json:"n_prompt"`
	Reused       int     `json:"n_reused"` // of them, those that --prompt-cache had
	Generated    int     `json:"n_gen"`
	Stop         string  `json:"stop"`
	Shifts       int     `json:"n_context_shifts"`
	Seed         uint64  `json:"seed"`
	LoadMS       float64 `json:"load_ms"`
	FirstMS      float64 `json:"first_token_ms"` // from the start of the command
	PromptTS     float64 `json:"prompt_ts"`      // tokens per second
	GenTS        float64 `json:"gen_ts"`
	Record       record  `json:"record"`

	Parallel []continuation `json:"parallel,omitempty"` // all continuations, of which the first is the one above
}

var errNoPrompt = errors.New("nothing to continue: give --prompt TEXT or --file FILE, or a text through a pipe; kvrun chat talks")

// runCommand continues a text.
func runCommand(e *environment, args []string) error {
	start := time.Now()
	var m modelFlags
	var f sampleFlags
	var keep promptCacheFlags
	var in promptFlags
	var quiet bool
	parallel := 1
	fs := newFlags("run")
	fs.StringVarP(&in.prompt, "prompt", "p", "", "`text` to continue (default: what comes through a pipe)")
	fs.StringVarP(&in.file, "file", "f", "", "`file` with the text to continue, taken as it is; - is the standard input")
	in.addEscapes(fs)
	fs.BoolVar(&quiet, "no-display-prompt", false, "print what is generated only")
	fs.IntVar(&parallel, "parallel", 1, "`times` to continue the text, with seeds that count up; the prompt is run and held once")
	keep.add(fs)
	fs.BoolVar(&keep.all, "prompt-cache-all", false, "keep what was generated in --prompt-cache, not the prompt alone")
	f.add(fs, 128)
	m.add(fs, model.Fast)
	if err := e.parse(fs, "[MODEL] [-p TEXT] [flags]", args); err != nil {
		return err
	}
	rest, err := in.positional(e, &m, fs.Args())
	if err != nil {
		return err
	}
	if err := m.check(e, rest); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := keep.check(); err != nil {
		return err
	}
	if err := keep.open(e); err != nil {
		return err
	}
	defer keep.close()
	if parallel < 1 || parallel > kv.MaxSequences {
		return fmt.Errorf("--parallel %d: want 1 to %d", parallel, kv.MaxSequences)
	}
	prompt, err := in.read(e)
	if err != nil {
		return err
	}
	switch {
	case prompt == "" && m.model == "":
		prompt = demoPrompt
	case prompt == "" && !fs.Changed("prompt"): // an empty one is continued from what begins a text
		if _, err := os.Stat(m.model); err != nil {
			return noModel(m.model, err)
		}
		return errNoPrompt
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	var several func(*tokenizer.Tokenizer) (sequences, cells int)
	if parallel > 1 {
		several = func(t *tokenizer.Tokenizer) (sequences, cells int) {
			// The file is read whole before it is cut back.
			cells = generate.Cells(len(t.Encode(prompt, true, true)), parallel, f.predict, s.defaultSize())
			return parallel, max(cells, min(keep.tokens(s), s.defaultSize()))
		}
	}
	g, err := s.generation(&f, several)
	if err != nil {
		return err
	}
	defer g.Context.Close()
	loaded := time.Since(start)
	tokens, err := s.encode(prompt, true)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		return errNoPrompt
	}
	if len(tokens) >= g.Context.Cache.Size {
		return fmt.Errorf("the prompt has %d tokens and the context %d positions: --ctx-size %d or more holds them (the model was trained for %d)",
			len(tokens), g.Context.Cache.Size, len(tokens)+1, s.Context)
	}
	run, err := keep.resume(s, g, tokens)
	if err != nil {
		return err
	}
	s.noteBOS(prompt)
	if g.Keep == 0 && g.Tokenizer.AddBOS {
		g.Keep = 1
	}
	g.Keep = min(g.Keep, len(tokens))
	g.Progress = e.promptProgress()
	if source, ok, err := s.File.Str("tokenizer.chat_template"); ok && err == nil && source != "" {
		s.note("the model has a chat template, and its text is continued without it: kvrun chat talks")
	}
	r := runResult{Prompt: prompt, PromptTokens: len(tokens), Reused: len(tokens) - len(run), LoadMS: ms(loaded)}
	if !m.json {
		s.describe(e.stderr)
		if keep.path != "" {
			fmt.Fprintf(e.stderr, "prompt cache: %d of %d tokens were there\n", r.Reused, r.PromptTokens)
		}
		if !quiet { // last, so that the text is in one piece where both outputs are one terminal
			fmt.Fprint(e.stdout, prompt)
		}
	}
	var p generate.Result
	if parallel > 1 {
		var all []generate.Parallel
		all, p, err = g.Parallel(e.ctx, run, parallel)
		for _, c := range all {
			r.Parallel = append(r.Parallel, continuation(c))
		}
		r.Text = r.Parallel[0].Text
	} else {
		p, err = g.Generate(e.ctx, run, func(piece string) error {
			r.Text += piece
			if m.json {
				return nil
			}
			_, err := io.WriteString(e.stdout, piece)
			return err
		})
	}
	if err == nil && keep.all {
		keep.failed = keep.save(g)
	}
	if err != nil {
		return err
	}
	r.Tokens, r.Generated, r.Stop, r.Shifts, r.Seed, r.Record = p.Tokens, len(p.Tokens), p.Stop, g.Shifts, f.Seed, s.record(g.Context)
	r.FirstMS, r.PromptTS, r.GenTS = ms(loaded+p.Prompt), rate(len(run), p.Prompt), rate(p.After, p.Total-p.Prompt)
	var ended error
	if r.Stop == generate.StopInterrupted {
		ended = context.Canceled
	}
	if m.json {
		return errors.Join(keep.failed, printJSON(e.stdout, r), ended)
	}
	if parallel > 1 {
		printParallel(e.stdout, r.Parallel)
	}
	fmt.Fprintln(e.stdout)
	if r.Shifts > 0 {
		fmt.Fprintf(e.stderr, "note: the context of %d positions was full and its older half was dropped, %d times in all; -c 0 has the %d of the model\n",
			g.Context.Cache.Size, r.Shifts, s.Context)
	}
	if r.Stop == generate.StopFull {
		asked := ""
		if f.predict >= 0 {
			asked = fmt.Sprintf(" of %d", f.predict)
		}
		fmt.Fprintf(e.stderr, "note: stopped after %d%s tokens: the context of %d positions is full and none may be dropped\n",
			r.Generated, asked, g.Context.Cache.Size)
	}
	if m.verbose {
		fmt.Fprintf(e.stderr, "stop: %s; seed %d; load %.0f ms, first token after %.0f ms; prompt %d tokens, %.1f/s; generated %d tokens, %.1f/s\n",
			r.Stop, r.Seed, r.LoadMS, r.FirstMS, r.PromptTokens, r.PromptTS, r.Generated, r.GenTS)
	}
	return errors.Join(keep.failed, ended)
}

// generation starts a context to generate in. A large vocabulary takes as long to read as the cache to allocate, so both
// are done at the same time, unless several says from the vocabulary how many sequences and cells there are.
func (s *session) generation(f *sampleFlags, several func(*tokenizer.Tokenizer) (sequences, cells int)) (*generate.Sequence, error) {
	var c *model.Context
	var failed error
	sequences, cells := 1, 0
	if several != nil {
		t, err := s.vocabulary()
		if err != nil {
			return nil, err
		}
		sequences, cells = several(t)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, failed = s.startAll(s.defaultSize(), sequences, cells)
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
	return generate.New(c, t, f.options(c.Cache.Size)), nil
}

// continuation is one of several of a prompt.
type continuation struct {
	Seed   uint64  `json:"seed"`
	Text   string  `json:"text"`
	Tokens []int32 `json:"tokens"`
	Stop   string  `json:"stop"`
}

// printParallel prints the continuations one after another.
func printParallel(w io.Writer, all []continuation) {
	for i, c := range all {
		fmt.Fprintf(w, "\n--- %d of %d, seed %d: %s ---\n%s\n", i+1, len(all), c.Seed, c.Stop, c.Text)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rate(n int, d time.Duration) float64 {
	if n < 1 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
