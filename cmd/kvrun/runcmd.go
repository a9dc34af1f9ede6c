package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
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
			cells = cellsOf(len(t.Encode(prompt, true, true)), parallel, f.predict, s.defaultSize())
			return parallel, max(cells, min(keep.tokens(s), s.defaultSize()))
		}
	}
	g, err := s.generation(&f, several)
	if err != nil {
		return err
	}
	defer g.c.Close()
	loaded := time.Since(start)
	tokens, err := s.encode(prompt, true)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		return errNoPrompt
	}
	if len(tokens) >= g.c.Cache.Size {
		return fmt.Errorf("the prompt has %d tokens and the context %d positions: --ctx-size %d or more holds them (the model was trained for %d)",
			len(tokens), g.c.Cache.Size, len(tokens)+1, s.Context)
	}
	run, err := g.resume(s, &keep, tokens)
	if err != nil {
		return err
	}
	s.noteBOS(prompt)
	if g.keep == 0 && g.t.AddBOS {
		g.keep = 1
	}
	g.keep = min(g.keep, len(tokens))
	g.progress = e.promptProgress()
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
	var p produced
	if parallel > 1 {
		r.Parallel, p, err = g.parallel(e.ctx, run, parallel)
		r.Text = r.Parallel[0].Text
	} else {
		p, err = g.more(e.ctx, run, func(piece string) error {
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
	r.Tokens, r.Generated, r.Stop, r.Shifts, r.Seed, r.Record = p.ids, len(p.ids), p.stop, g.shifts, f.Seed, s.record(g.c)
	r.FirstMS, r.PromptTS, r.GenTS = ms(loaded+p.prompt), rate(len(run), p.prompt), rate(p.after, p.total-p.prompt)
	var ended error
	if r.Stop == stopInterrupted {
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
			g.c.Cache.Size, r.Shifts, s.Context)
	}
	if r.Stop == stopFull {
		asked := ""
		if f.predict >= 0 {
			asked = fmt.Sprintf(" of %d", f.predict)
		}
		fmt.Fprintf(e.stderr, "note: stopped after %d%s tokens: the context of %d positions is full and none may be dropped\n",
			r.Generated, asked, g.c.Cache.Size)
	}
	if m.verbose {
		fmt.Fprintf(e.stderr, "stop: %s; seed %d; load %.0f ms, first token after %.0f ms; prompt %d tokens, %.1f/s; generated %d tokens, %.1f/s\n",
			r.Stop, r.Seed, r.LoadMS, r.FirstMS, r.PromptTokens, r.PromptTS, r.Generated, r.GenTS)
	}
	return errors.Join(keep.failed, ended)
}

// resume brings the cache to the longest beginning of tokens that --prompt-cache has and returns the rest, at least one token.
// The file is written when all but the last of them have been run: a cache that cannot go back can go on from there.
func (g *generation) resume(s *session, keep *promptCacheFlags, tokens []int32) ([]int32, error) {
	if keep.path == "" {
		return tokens, nil
	}
	if err := keep.load(s, g); err != nil {
		return nil, err
	}
	same := common(g.cached, tokens[:len(tokens)-1])
	rest, err := g.reuse(tokens)
	if err != nil {
		return nil, err
	}
	if again := same - (len(tokens) - len(rest)); again > 0 {
		s.note(fmt.Sprintf("%d tokens of the prompt that are in --prompt-cache are run again: its cache cannot be cut back behind them to what a run from the start has", again))
	}
	for _, id := range tokens[:len(tokens)-len(rest)] {
		g.sampler.Accept(id)
	}
	if !keep.all {
		g.pause, g.paused = len(rest)-1, func() error { // a file that cannot be written does not end the generation
			keep.failed = keep.save(g)
			return nil
		}
	}
	return rest, nil
}

// generation starts a context to generate in. A large vocabulary takes as long to read as the cache to allocate, so both
// are done at the same time, unless several says from the vocabulary how many sequences and cells there are.
func (s *session) generation(f *sampleFlags, several func(*tokenizer.Tokenizer) (sequences, cells int)) (*generation, error) {
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
	return &generation{c: c, t: t, sampler: sample.New(f.sized(c.Cache.Size)), flags: f, keep: f.keep, fresh: allFresh}, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rate(n int, d time.Duration) float64 {
	if n < 1 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
