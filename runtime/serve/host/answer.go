package host

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// Request is what a model is asked for: an answer to a conversation, or a text to continue.
type Request struct {
	Conversation *chat.Conversation // nil for Tokens
	Tokens       []int32
	Options      generate.Options // Default's, with what the client asks for

	// Alternatives are the most probable tokens to tell of beside each that is drawn; below 0 no
	// token is told of.
	Alternatives int
	OneCall      bool   // end after the first function that the model asks for
	Client       string // whose it is, for fairness
	fromStart    bool   // Options.Grammar is of the whole answer, with its thinking
}

// Event is a piece of an answer.
type Event struct {
	Parts  []chat.Part // of the text that it completes
	Tokens []Token     // drawn since the last event, where a request asks for them
}

// Answer is one that is being generated. Events and Result are for one goroutine.
type Answer struct {
	Prompt []int32 // tokens of it

	h       *Host
	text    *serve.Text
	ctx     context.Context // of the text
	cancel  context.CancelFunc
	reader  *chat.Answer // nil for a text
	calls   bool         // functions may be asked for
	oneCall bool
	enough  bool   // it was ended after a call
	space   string // at the end of the thinking so far, which is layout where no more follows
	asked   int    // functions so far
	drawn   *drawn
	thought strings.Builder
}

// Result is what became of an answer.
type Result struct {
	Tokens []int32       // generated
	Stop   generate.Stop // why it ended
	Reused int           // tokens of the prompt that were cached
	Calls  int           // functions that the model asks for

	Matched string // the stop string that ended it, "" for none

	Prompt, Total time.Duration // from its start until the first token, and until the end
}

// Start begins an answer. It is given up when ctx ends.
func (h *Host) Start(ctx context.Context, r Request) (*Answer, error) {
	a := &Answer{h: h, Prompt: r.Tokens, oneCall: r.OneCall}
	s := serve.Request{Tokens: r.Tokens, Options: r.Options, Client: r.Client}
	if r.Conversation != nil {
		text, err := h.Prompt(ctx, r.Conversation)
		if err != nil {
			return nil, err
		}
		err = h.prepare(ctx, len(text), func() error {
			s.Tokens = h.Template.Encode(text, true)
			return nil
		})
		if err != nil {
			return nil, err
		}
		a.Prompt, a.reader, a.calls = s.Tokens, h.Template.Answer(text), len(r.Conversation.Tools) > 0
		a.reader.Functions(r.Conversation.Tools)
		if s.Control = a.reader.Marker; !r.fromStart {
			s.Begins = h.Template.Begins(text)
		}
	}
	if len(s.Tokens) == 0 {
		return nil, wire.Invalid("", "there is nothing to continue")
	}
	if r.Alternatives >= 0 {
		a.drawn = &drawn{t: h.Tokenizer, alternatives: r.Alternatives}
		s.Observe = a.drawn.observe
	}
	a.ctx, a.cancel = context.WithCancel(ctx)
	var err error
	if a.text, err = h.submit(a.ctx, s); err != nil {
		a.cancel()
		return nil, err
	}
	return a, nil
}

// Close gives the answer up where it has not ended.
func (a *Answer) Close() { a.cancel() }

// Events gives out the answer as it comes, until it ends.
func (a *Answer) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		defer a.cancel()
		for piece := range a.text.Pieces() {
			e := Event{Parts: a.parts(piece), Tokens: a.drawn.take()}
			if len(e.Parts)+len(e.Tokens) > 0 && !yield(e) {
				return
			}
			if a.enough {
				return
			}
		}
		e := Event{Tokens: a.drawn.take()}
		if a.reader != nil {
			e.Parts = a.known(a.reader.Finish())
		}
		if len(e.Parts)+len(e.Tokens) > 0 {
			yield(e)
		}
	}
}

// parts reads a piece of the generated text.
func (a *Answer) parts(piece string) []chat.Part {
	if a.reader == nil {
		return []chat.Part{{Kind: chat.Content, Text: piece}}
	}
	return a.known(a.reader.Next(piece))
}

// known makes text of calls of functions where there are none, and ends the answer where one is
// enough.
func (a *Answer) known(parts []chat.Part) []chat.Part {
	for i := range parts {
		if parts[i].Kind == chat.Reasoning {
			text := a.space + parts[i].Text
			parts[i].Text = strings.TrimRight(text, " \n\r\t")
			a.space = text[len(parts[i].Text):]
			a.thought.WriteString(parts[i].Text)
			continue
		}
		if parts[i].Kind != chat.Call {
			continue
		}
		if !a.calls {
			parts[i] = chat.Part{Kind: chat.Content, Text: parts[i].Text}
			continue
		}
		if a.asked++; a.oneCall {
			a.enough = true
			a.cancel()
			return parts[:i+1]
		}
	}
	return slices.DeleteFunc(parts, func(p chat.Part) bool { return p.Kind == chat.Reasoning && p.Text == "" })
}

// Thought is how many tokens the model's thinking has, once the answer has ended. Its markers are
// not counted.
func (a *Answer) Thought() int {
	if a.thought.Len() == 0 {
		return 0
	}
	return len(a.h.Tokenizer.Encode(a.thought.String(), false, false))
}

// Result waits for the end. An answer that was given up, for the client went away or the server
// ends, is an error: it is not whole.
func (a *Answer) Result() (Result, error) {
	r, err := a.text.Wait()
	out := Result{Tokens: r.Tokens, Stop: r.Stop, Reused: r.Reused, Calls: a.asked, Matched: r.Matched, Prompt: r.Queued + r.Prompt, Total: r.Total}
	switch {
	case a.enough:
		out.Stop = generate.StopEnd
	case err == nil && r.Stop == generate.StopInterrupted:
		err = context.Cause(a.ctx)
	}
	return out, ended(err)
}

// StartAll begins n answers to one request, with seeds that count up: all of them, or none.
func (h *Host) StartAll(ctx context.Context, r Request, n int) (all []*Answer, err error) {
	for range n {
		a, err := h.Start(ctx, r)
		if err != nil {
			CloseAll(all)
			return nil, err
		}
		all = append(all, a)
		r.Options.Sampling.Seed++
	}
	return all, nil
}

// CloseAll closes answers.
func CloseAll(all []*Answer) {
	for _, a := range all {
		a.Close()
	}
}

// PlanID names the plan of the cache.
func (h *Host) PlanID() string { return h.Plan.ID() }
