package host

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/wire"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// File is what is told of a model's file.
type File struct {
	Arch       string
	Type       string // of most of its bytes
	Parameters int64
	Bytes      int64 // of its tensors
}

// Host is a model that is served. All fields are set before it is used.
type Host struct {
	Name    string    // of the model, as answers give it
	Aliases []string  // names that requests may give besides; "*" is any
	Created time.Time // of its file
	File    File

	Tokenizer *tokenizer.Tokenizer
	Template  *chat.Template   // nil for a model that has none that can be used
	NoChat    error            // why Template is nil
	Scheduler *serve.Scheduler // which is running

	Parallel int            // texts at a time
	Size     int            // positions of a text: its prompt and what is generated
	Sampling sample.Options // where a request says nothing
	Limit    int            // tokens to generate where a request says nothing; below 0 for no limit
	Trained  int            // positions that the model was trained for

	Plan     kv.Record // of the cache
	Measured string    // what is known of the plan's error, and by whom; "" for nothing

	preparing chan struct{} // a token for each request whose text is being read
	compiling chan struct{} // the same of a grammar that is made
	grammars  *grammar.Cache
	large     chan struct{} // the same of a text that is read alone; taken first
	words     func() *grammar.Vocabulary
	marked    func() *grammar.Vocabulary // with the control tokens of the markup of calls
}

// New makes a host of what is set.
func New(h Host) *Host {
	h.preparing = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))
	h.large, h.compiling = make(chan struct{}, 1), make(chan struct{}, 1)
	h.grammars = grammar.NewCache(keptGrammars)
	h.words = sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(h.Tokenizer) })
	h.marked = sync.OnceValue(h.callWords)
	return &h
}

// Is says whether a request may call the model so; no name is any.
func (h *Host) Is(name string) bool {
	return name == "" || name == h.Name || slices.Contains(h.Aliases, name) || slices.Contains(h.Aliases, "*")
}

// Known is an error for a name that is not the model's.
func (h *Host) Known(name string) error {
	if h.Is(name) {
		return nil
	}
	return &wire.Error{Status: http.StatusNotFound, Param: "model", Code: "model_not_found",
		Message: fmt.Sprintf("the model %.64q is not here: this server has %q", name, h.Name)}
}

// Has is an error for a model or a plan of the cache that is not here. A context has one plan: a
// request may insist on it, and change nothing of it.
func (h *Host) Has(model, plan string) error {
	if err := h.Known(model); err != nil {
		return err
	}
	if plan != "" && plan != h.PlanID() {
		return &wire.Error{Status: http.StatusBadRequest, Param: "cache_plan", Code: "unsupported_parameter",
			Message: fmt.Sprintf("cache_plan: %.64q is not in effect here: %s is, for all texts", plan, h.PlanID())}
	}
	return nil
}

// alone is from how many bytes on a text is read while no other of such a size is: a word takes up
// to 50 times its bytes while it is cut into tokens, and a text may be one word.
const alone = 1 << 20

// prepare runs f, which reads a text of a request, of so many bytes: few at a time, since each
// takes a processor.
func (h *Host) prepare(ctx context.Context, bytes int, f func() error) error {
	places := []chan struct{}{h.preparing}
	if bytes >= alone {
		places = []chan struct{}{h.large, h.preparing}
	}
	for _, place := range places {
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f()
}

// Prompt is the text of a conversation.
func (h *Host) Prompt(ctx context.Context, c *chat.Conversation) (text string, err error) {
	if h.Template == nil {
		return "", wire.Invalid("", "the model cannot be talked to: %v", h.NoChat)
	}
	err = h.prepare(ctx, 0, func() error {
		text, err = h.Template.Render(*c)
		switch {
		case errors.Is(err, chat.ErrNoTools):
			return wire.Invalid("tools", "tools: the chat template of this model has no place for them")
		case err != nil:
			return wire.Invalid("messages", "%v", err)
		}
		return nil
	})
	return text, err
}

// Tokenize is the tokens of a conversation, as Start runs them.
func (h *Host) Tokenize(ctx context.Context, c *chat.Conversation) (ids []int32, err error) {
	text, err := h.Prompt(ctx, c)
	if err != nil {
		return nil, err
	}
	err = h.prepare(ctx, len(text), func() error {
		ids = h.Template.Encode(text, c.Generate)
		return nil
	})
	return ids, err
}

// Encode is the tokens of a text, with what begins one.
func (h *Host) Encode(ctx context.Context, text string) ([]int32, error) {
	return h.EncodeAs(ctx, text, true, true)
}

// EncodeAs is Encode with or without what begins a text, and control tokens that it spells.
func (h *Host) EncodeAs(ctx context.Context, text string, begin, control bool) (ids []int32, err error) {
	err = h.prepare(ctx, len(text), func() error {
		ids = h.Tokenizer.Encode(text, begin, control)
		return nil
	})
	return ids, err
}

// submit queues a text.
func (h *Host) submit(ctx context.Context, r serve.Request) (*serve.Text, error) {
	if n := len(r.Tokens); n >= h.Size {
		return nil, &wire.Error{Status: http.StatusBadRequest, Code: "context_length_exceeded",
			Message: fmt.Sprintf("the prompt has %d tokens, and a text has %d positions here, one of them at least for the answer", n, h.Size)}
	}
	if r.Options.Limit > h.Size {
		r.Options.Limit = h.Size
	}
	text, err := h.Scheduler.Submit(ctx, r)
	var busy *serve.Busy
	switch {
	case errors.As(err, &busy):
		return nil, &wire.Error{Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded", Retry: busy.Wait, Message: fmt.Sprintf("%d requests wait, and no more may: try again later", busy.Waiting)}
	case errors.Is(err, serve.ErrClosed):
		return nil, wire.Closing
	case err != nil:
		return nil, wire.Invalid("", "%v", err)
	}
	return text, nil
}

// ended is the error of a text that did not come to its end.
func ended(err error) error {
	if errors.Is(err, serve.ErrClosed) {
		return wire.Closing
	}
	return err
}

// Grammar compiles a JSON schema, which holds an answer to its values. The error names the keyword
// that cannot be enforced.
func (h *Host) Grammar(ctx context.Context, param string, text []byte) (g *grammar.Grammar, err error) {
	g, err = h.compile(ctx, "schema", string(text), func() (*grammar.Grammar, error) { return schema.Compile(ctx, h.words(), text) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, wire.Invalid(param, "%s: %v", param, err)
	}
	return g, nil
}

// keptGrammars is how many bytes of grammars are kept for the requests that give them again, as
// those of an agent do with its functions.
const keptGrammars = 64 << 20

// compile makes a grammar that was not made before. One is made at a time, since each may take a
// second of a processor, and no other request waits for it but those with grammars of their own.
func (h *Host) compile(ctx context.Context, kind, text string, make func() (*grammar.Grammar, error)) (*grammar.Grammar, error) {
	return h.grammars.Get(kind, text, func() (*grammar.Grammar, error) {
		select {
		case h.compiling <- struct{}{}:
			defer func() { <-h.compiling }()
			return make()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// RandomSeed is a seed for a request that gives none.
func RandomSeed() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// NewID is a name that no other has.
func NewID(prefix string) string {
	var b [12]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

// Default is the options of a request that says nothing.
func (h *Host) Default() generate.Options {
	return generate.Options{Sampling: h.Sampling, Limit: h.Limit}
}
