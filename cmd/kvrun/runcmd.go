package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

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

	Parallel []continuation `json:"parallel,omitempty"` // all continuations, the one above first
}

var errNoPrompt = errors.New("nothing to continue: give --prompt TEXT or --file FILE, or a text through a pipe; kvrun chat talks")

// runFlags are the flags of kvrun run, and what comes of them.
type runFlags struct {
	e        *environment
	m        modelFlags
	sample   sampleFlags
	grammar  grammarFlags
	keep     promptCacheFlags
	in       promptFlags
	quiet    bool
	parallel int

	prompt string
	given  func(flag string) bool // whether the line has it
	loaded time.Duration          // from the start of the command
}

func (r *runFlags) add(fs *pflag.FlagSet) {
	fs.StringVarP(&r.in.prompt, "prompt", "p", "", "`text` to continue (default: what comes through a pipe)")
	fs.StringVarP(&r.in.file, "file", "f", "", "`file` with the text to continue, taken as it is; - is the standard input")
	r.in.addEscapes(fs)
	fs.BoolVar(&r.quiet, "no-display-prompt", false, "print what is generated only")
	fs.IntVar(&r.parallel, "parallel", 1, "`times` to continue the text, with seeds that count up; the prompt is run and held once")
	r.keep.add(fs)
	fs.BoolVar(&r.keep.all, "prompt-cache-all", false, "keep what was generated in --prompt-cache, not the prompt alone")
	r.sample.add(fs, 128)
	r.grammar.add(fs)
	r.m.add(fs, model.Fast)
	r.given = fs.Changed
}

// check reads the flags of the command and the prompt.
func (r *runFlags) check() (err error) {
	if err := r.sample.check(); err != nil {
		return err
	}
	if err := r.grammar.read(r.e); err != nil {
		return err
	}
	if err := r.keep.open(r.e); err != nil {
		return err
	}
	if r.parallel < 1 || r.parallel > kv.MaxSequences {
		return fmt.Errorf("--parallel %d: want 1 to %d", r.parallel, kv.MaxSequences)
	}
	if r.prompt, err = r.in.read(r.e); err != nil {
		return err
	}
	switch {
	case r.prompt == "" && r.m.model == "":
		r.prompt = demoPrompt
	case r.prompt == "" && !r.given("prompt"): // an empty one is continued from what begins a text
		if _, err := os.Stat(r.m.model); err != nil {
			return noModel(r.m.model, err)
		}
		return errNoPrompt
	}
	return nil
}

// runCommand continues a text.
func runCommand(e *environment, args []string) error {
	start := time.Now()
	r := &runFlags{e: e}
	fs := newFlags("run")
	r.add(fs)
	defer r.keep.close()
	s, err := e.begin(fs, "[MODEL] [-p TEXT] [flags]", args, &r.m, func() (err error) {
		r.m.rest, err = r.in.positional(e, &r.m, r.m.rest)
		return err
	}, r.check)
	if err != nil {
		return err
	}
	defer s.Close()
	g, err := s.generation(&r.sample, r.several(s))
	if err != nil {
		return err
	}
	defer g.Context.Close()
	if g.Options.Grammar, err = r.grammar.of(e.ctx, g.Tokenizer); err != nil {
		return err
	}
	r.loaded = time.Since(start)
	tokens, err := s.encode(r.prompt, true)
	if err != nil {
		return err
	}
	switch size := g.Context.Cache.Size; {
	case len(tokens) == 0:
		return errNoPrompt
	case len(tokens) >= size:
		return fmt.Errorf("the prompt has %d tokens and the context %d positions: --ctx-size %d or more holds them (the model was trained for %d)",
			len(tokens), size, len(tokens)+1, s.Context)
	}
	return r.generate(s, g, tokens)
}

// several is the sequences and cells of --parallel, nil for one.
func (r *runFlags) several(s *session) func(*tokenizer.Tokenizer) (sequences, cells int) {
	if r.parallel == 1 {
		return nil
	}
	return func(t *tokenizer.Tokenizer) (sequences, cells int) {
		// The file is read whole before it is cut back.
		cells = generate.Cells(len(t.Encode(r.prompt, true, true)), r.parallel, r.sample.predict, s.defaultSize())
		return r.parallel, max(cells, min(r.keep.tokens(s), s.defaultSize()))
	}
}

// generate continues the tokens of the prompt and prints what comes.
func (r *runFlags) generate(s *session, g *generate.Sequence, tokens []int32) error {
	rest, err := r.keep.resume(s, g, tokens)
	if err != nil {
		return err
	}
	s.noteBOS(r.prompt)
	if g.Keep == 0 && g.Tokenizer.AddBOS {
		g.Keep = 1
	}
	g.Keep, g.Progress = min(g.Keep, len(tokens)), r.e.promptProgress()
	if source, ok, err := s.File.Str("tokenizer.chat_template"); ok && err == nil && source != "" {
		s.note("the model has a chat template, and its text is continued without it: kvrun chat talks")
	}
	result := &runResult{Prompt: r.prompt, PromptTokens: len(tokens), Reused: len(tokens) - len(rest), LoadMS: ms(r.loaded)}
	r.announce(s, result)
	p, err := r.text(g, rest, result)
	if err == nil && r.keep.all {
		r.keep.failed = r.keep.save(g)
	}
	if err != nil {
		return err
	}
	result.Tokens, result.Generated, result.Stop, result.Shifts, result.Seed = p.Tokens, len(p.Tokens), p.Stop, g.Shifts, r.sample.Seed
	result.FirstMS, result.PromptTS, result.GenTS = ms(r.loaded+p.Prompt), rate(len(rest), p.Prompt), rate(p.After, p.Total-p.Prompt)
	result.Record = s.record(g.Context)
	var ended error
	if p.Stop == generate.StopInterrupted {
		ended = context.Canceled
	}
	if r.m.json {
		return errors.Join(r.keep.failed, printJSON(r.e.stdout, result), ended)
	}
	r.finish(s, result)
	return errors.Join(r.keep.failed, ended)
}

// announce prints what is about to run, and the prompt.
func (r *runFlags) announce(s *session, result *runResult) {
	if r.m.json {
		return
	}
	s.describe(r.e.stderr)
	if r.keep.path != "" {
		fmt.Fprintf(r.e.stderr, "prompt cache: %d of %d tokens were there\n", result.Reused, result.PromptTokens)
	}
	if !r.quiet { // last, so that the text is in one piece where both outputs are one terminal
		fmt.Fprint(r.e.stdout, r.prompt)
	}
}

// text generates into result. One continuation is printed as it comes.
func (r *runFlags) text(g *generate.Sequence, tokens []int32, result *runResult) (generate.Result, error) {
	if r.parallel > 1 {
		all, p, err := g.Parallel(r.e.ctx, tokens, r.parallel)
		for _, c := range all {
			result.Parallel = append(result.Parallel, continuation(c))
		}
		result.Text = result.Parallel[0].Text
		return p, err
	}
	return g.Generate(r.e.ctx, tokens, func(piece string) error {
		result.Text += piece
		if r.m.json {
			return nil
		}
		_, err := io.WriteString(r.e.stdout, piece)
		return err
	})
}

// finish prints what follows the text.
func (r *runFlags) finish(s *session, result *runResult) {
	if r.parallel > 1 {
		printParallel(r.e.stdout, result.Parallel)
	}
	fmt.Fprintln(r.e.stdout)
	size := result.Record.Size
	if result.Shifts > 0 {
		fmt.Fprintf(r.e.stderr, "note: the context of %d positions was full and its older half was dropped, %d times in all; -c 0 has the %d of the model\n",
			size, result.Shifts, s.Context)
	}
	if result.Stop == generate.StopFull {
		asked := ""
		if r.sample.predict >= 0 {
			asked = fmt.Sprintf(" of %d", r.sample.predict)
		}
		fmt.Fprintf(r.e.stderr, "note: stopped after %d%s tokens: the context of %d positions is full and none may be dropped\n",
			result.Generated, asked, size)
	}
	if r.m.verbose {
		fmt.Fprintf(r.e.stderr, "stop: %s; seed %d; load %.0f ms, first token after %.0f ms; prompt %d tokens, %.1f/s; generated %d tokens, %.1f/s\n",
			result.Stop, result.Seed, result.LoadMS, result.FirstMS, result.PromptTokens, result.PromptTS, result.Generated, result.GenTS)
	}
}

// generation starts a context to generate in. A large vocabulary takes as long to read as the cache
// to allocate, so both are done at the same time. Where several counts sequences and cells from the
// vocabulary, the vocabulary is first.
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
