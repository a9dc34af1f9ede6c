package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/hub"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/memory"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// embedded is the name of the model that comes with the program.
const embedded = "(embedded)"

// defaultBatch is model.Options' own.
const defaultBatch = 256

// working is the memory that reading a vocabulary and running a small model take, in bytes.
const working = 96 << 20

// session is an open model and what will be done with it.
type session struct {
	*model.Model
	flags *modelFlags
	path  string // embedded for the model that comes with the program
	table *kernels.Table
	cache *policy.Reader // what names of caches, policies and offsets mean
	plan  *kv.Plan
	ctx   context.Context         // of the command
	stop  func() error            // ends what runs
	left  bool                    // something reads the model still
	warn  io.Writer               // what is said before a result is
	rule  string                  // by which --cache auto chose
	unmet []string                // requests that came to nothing, beside those in the plan
	notes []string                // what else is worth knowing
	input func(path string) error // notes that a file is read
	slow  map[*kernels.Type]bool  // of --spec, noted

	tokens *tokenizer.Tokenizer // nil until vocabulary is called
}

// begin parses the line, reads the flags of the model and opens it. before and after look at the
// command's own flags, before or after those of the model; nil for nothing. The caller closes the
// session.
func (e *environment) begin(fs *pflag.FlagSet, synopsis string, args []string, m *modelFlags, before, after func() error) (*session, error) {
	if err := e.parse(fs, synopsis, args); err != nil {
		return nil, err
	}
	m.rest = fs.Args()
	for _, step := range []func() error{before, func() error { return m.check(e, m.rest) }, after} {
		if step == nil {
			continue
		}
		if err := step(); err != nil {
			return nil, err
		}
	}
	return e.open(m)
}

// open opens the model of the flags and plans its cache. Close it.
func (e *environment) open(m *modelFlags) (*session, error) {
	return during(e.ctx, func() (*session, error) { return e.load(m) })
}

// during runs f, which knows nothing of ctx. When ctx is done before f, f is left behind: the
// program is about to end.
func during[T any](ctx context.Context, f func() (T, error)) (T, error) {
	if ctx == nil {
		return f()
	}
	type result struct {
		t   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		t, err := f()
		done <- result{t, err}
	}()
	select {
	case r := <-done:
		return r.t, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Close lets go of the model, unless something that was left behind is still reading it.
func (s *session) Close() error {
	if s.left {
		return nil
	}
	return s.Model.Close()
}

// load is open, which cannot be interrupted.
func (e *environment) load(m *modelFlags) (s *session, err error) {
	s = &session{ctx: e.ctx, flags: m, warn: e.stderr, path: m.model, table: e.kernels(), input: func(path string) error { return e.files.Input("", path) }}
	if err := e.readsModel(m.model); err != nil {
		return nil, err
	}
	if e.ctx != nil {
		s.stop = e.ctx.Err
	}
	if s.Model, err = s.read(m); err != nil {
		return nil, err
	}
	if err := memory.Room("what a command itself works with", working); err != nil {
		s.Close()
		return nil, err
	}
	if m.whole() {
		m.size = s.Context
	}
	s.notes = append(s.notes, m.notes...)
	s.notes = append(s.notes, s.Unused().Notes(s.Arch)...)
	s.cache = s.policies()
	s.plan, s.unmet, err = m.cacheFlags.plan(e, s)
	s.unmet = append(s.unmet, m.unmet...)
	if err == nil {
		err = m.place(s.Model)
	}
	if err == nil {
		s.noteInterpreted(s.plan)
		for _, w := range s.Matrices() {
			s.noteType(s.typeNamed(w.Type))
		}
	}
	if err == nil && m.size > s.Context {
		s.notes = append(s.notes, fmt.Sprintf("a context of %d is beyond the %d positions the model was trained for", m.size, s.Context))
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// read opens the model and gives it the metadata of the flags.
func (s *session) read(m *modelFlags) (*model.Model, error) {
	var file *gguf.File
	var err error
	sizes := model.TypeSize(s.table)
	if s.path == "" {
		s.path = embedded
		file, err = gguf.Parse(demo.Model(), sizes)
	} else if file, err = gguf.Open(s.path, sizes); err != nil {
		err = noModel(s.path, err)
	}
	if err != nil {
		return nil, err
	}
	var adapters []*model.Adapter
	if err = m.overrides.apply(file, s.warn); err == nil {
		adapters, err = m.lora.open(s)
	}
	if err == nil {
		var loaded *model.Model
		if loaded, err = model.LoadAdapted(file, s.table, adapters...); err == nil {
			return loaded, nil
		}
		if s.path != embedded {
			err = fmt.Errorf("%s: %w", s.path, err)
		}
	}
	file.Close()
	return nil, err
}

// policies reads what a person asks of the cache.
func (s *session) policies() *policy.Reader {
	r := policy.NewReader(s.Model, s.path)
	if s.path == embedded {
		r.Path = ""
	}
	r.Fallback, r.Opening, r.Identity = s.flags.allowFallback, s.input, s.identity
	r.Unmet = func(what string) { s.unmet = append(s.unmet, what) }
	return r
}

// typeNamed is a type of the table, nil for none.
func (s *session) typeNamed(name string) *kernels.Type {
	return policy.TypeNamed(s.table, name, func(*kernels.Type) bool { return true })
}

// identity is the model's. All weights are read for it, so only a file or a result that names the
// model asks for it.
func (s *session) identity() (*model.Identity, error) {
	known := &model.Digests{}
	if dir, err := os.UserCacheDir(); err == nil {
		known.Folder = filepath.Join(dir, "kvrun", "models")
	}
	known.Reading = func(bytes int64) {
		if bytes >= 1<<30 && s.warn != nil {
			fmt.Fprintf(s.warn, "identity of the model: all %.1f GiB of its weights are read, once\n", float64(bytes)/(1<<30))
		}
	}
	id, err := s.Identify(known, s.stop)
	if err != nil {
		return nil, fmt.Errorf("identity of the model %s: %w", s.path, err)
	}
	return id, nil
}

// note adds a note, once.
func (s *session) note(text string) {
	if !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// noModel says what a model is here, of a path that is none, such as a name that another program
// would download.
func noModel(path string, err error) error {
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	advice := "a model is the path of a GGUF file"
	if n, bad := hub.Parse(path); bad == nil && !strings.HasSuffix(strings.ToLower(path), ".gguf") {
		advice += fmt.Sprintf(", or a name like %s of one that is published", n)
	}
	return fmt.Errorf("%.200s: no such file; %s", path, advice)
}

// vocabulary is the model's tokenizer, read when it is first wanted: some models have none.
func (s *session) vocabulary() (*tokenizer.Tokenizer, error) {
	if s.tokens != nil {
		return s.tokens, nil
	}
	t, err := during(s.ctx, func() (*tokenizer.Tokenizer, error) { return tokenizer.Read(s.File, s.flags.rules) })
	if errors.Is(err, context.Canceled) {
		s.left = true
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	if t.Len() > s.Vocab {
		return nil, fmt.Errorf("%s: the tokenizer has %d tokens and the model %d", s.path, t.Len(), s.Vocab)
	}
	s.tokens = t
	s.notes = append(s.notes, t.Notes...)
	return t, nil
}

// noteBOS says what becomes of a begin token that a prompt already has.
func (s *session) noteBOS(prompt string) {
	t := s.tokens
	if !t.WritesBOS(prompt) {
		return
	}
	one := "it is the only one"
	if t.Rules == tokenizer.LlamaCpp {
		one = "now there are two, as llama.cpp has it"
	}
	s.notes = append(s.notes, fmt.Sprintf("the prompt begins with %s, which the model has put before every text: %s", t.Piece(t.BOS), one))
}

// template is the model's chat template.
func (s *session) template() (*chat.Template, error) {
	t, err := s.vocabulary()
	if err != nil {
		return nil, err
	}
	if s.flags.templateSource != "" {
		return chat.Given(s.flags.templateSource, t)
	}
	template, err := chat.New(s.File, t)
	switch {
	case err != nil || template.Name == "":
	case template.Fallback:
		s.note("the model has no chat template; it is talked to in ChatML, which it may not know (--chat-template NAME|FILE)")
	default:
		s.note(fmt.Sprintf("the model has no chat template; it is talked to as all of its architecture are: --chat-template %s", template.Name))
	}
	return template, err
}

// start makes a context of size positions.
func (s *session) start(size int) (*model.Context, error) { return s.startAll(size, 1, 0) }

// startAll makes a context of so many sequences of size positions each, with that many cells in
// all. 0 cells are as many as one sequence has positions. Ctrl-C ends what runs in it between two
// layers.
func (s *session) startAll(size, sequences, cells int) (*model.Context, error) {
	return s.NewContext(model.Options{Plan: s.plan, Size: max(1, size), Batch: s.flags.batch, Threads: s.flags.threads, Math: s.flags.kind,
		Placements: s.flags.places, Stop: s.stop, Sequences: sequences, Cells: cells})
}

// defaultSize is the context of a conversation when none is asked for: the model's own, within what
// fits common machines.
func (s *session) defaultSize() int {
	if s.flags.size > 0 {
		return s.flags.size
	}
	return max(1, min(s.Context, 4096))
}

// within refuses chunks of more tokens than the model was trained for.
func (s *session) within(size int) error {
	if size > s.Context && !s.flags.allowFallback {
		return refuse("--ctx-size %d: the model was trained for %d positions; --allow-fallback measures beyond", size, s.Context)
	}
	return nil
}

// prefill is c.Eval in steps of a batch, between which ctx can end it.
func prefill(ctx context.Context, c *model.Context, tokens []int32, from int, visit func(i int, logits []float32) error) error {
	for lo := 0; lo < len(tokens); lo += c.Batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+c.Batch, len(tokens))
		err := c.Eval(tokens[lo:hi], max(0, from-lo), func(i int, l []float32) error { return visit(lo+i, l) })
		if err != nil {
			return err
		}
	}
	return nil
}

// readText is the content of a file, "-" being the standard input.
func (e *environment) readText(path string) (string, error) {
	return during(e.ctx, func() (string, error) { return e.readNow(path) })
}

// readNow is readText, which may wait for the other side of a pipe.
func (e *environment) readNow(path string) (string, error) {
	if path == "-" {
		return readAll(e.stdin, maxText)
	}
	if err := e.files.Input("", path); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := readAll(f, maxText)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}
