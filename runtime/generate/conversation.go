package generate

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/chat"
)

// Conversation is a chat: the messages so far, and the sequence that holds them as its template
// writes them.
type Conversation struct {
	*Sequence
	Template *chat.Template
	Messages []chat.Message
	Raw      bool              // markup of the model's family is given out too
	Note     func(text string) // told of the conversation, beside its answers; nil for nobody

	told    bool // that the cache is not that of a fresh conversation
	plainly bool // that the template does not take a message as it is
	last    last
}

// last is the last answer as it was generated, for what goes on with it.
type last struct {
	prompt string
	tokens []int32 // of prompt and answer; nil for none to go on with
	raw    string
}

// Answer is what the model said.
type Answer struct {
	chat.Message
	Raw    string // as it was generated
	Prompt int    // tokens of the whole conversation
	Run    int    // of them, those that were not cached
	Result
}

// Show gets an answer as it comes: the text as it was generated, and the parts that it completes.
type Show func(text string, parts []chat.Part) error

// TooLong is a conversation that the context has no place for, however many turns are forgotten.
type TooLong struct{ Turn, Size int }

func (t TooLong) Error() string {
	return fmt.Sprintf("the turn takes %d tokens and the context has %d", t.Turn, t.Size)
}

// Say answers a turn. A turn that gets no answer is none.
func (v *Conversation) Say(ctx context.Context, turn string, show Show) (Answer, error) {
	return v.orAsItWas(append(v.Messages[:len(v.Messages):len(v.Messages)], chat.Message{Role: "user", Content: turn}), func() (Answer, error) {
		return v.reply(ctx, show)
	})
}

// Regenerate answers the last turn again.
func (v *Conversation) Regenerate(ctx context.Context, show Show) (Answer, error) {
	n := len(v.Messages)
	if n > 0 && v.Messages[n-1].Role == "assistant" {
		n--
	}
	if n == 0 || v.Messages[n-1].Role != "user" {
		return Answer{}, errors.New("there is no turn to answer again")
	}
	return v.orAsItWas(v.Messages[:n:n], func() (Answer, error) { return v.reply(ctx, show) })
}

// Continue goes on with the last answer.
func (v *Conversation) Continue(ctx context.Context, show Show) (Answer, error) {
	n := len(v.Messages)
	switch {
	case n == 0 || v.Messages[n-1].Role != "assistant" || v.last.tokens == nil:
		return Answer{}, errors.New("there is no answer to go on with")
	case v.Options.Grammar != nil:
		return Answer{}, errors.New("an answer that is held to a grammar is not gone on with: ask again")
	case len(v.last.tokens)+1 >= v.Context.Cache.Size:
		return Answer{}, TooLong{len(v.last.tokens) + 1, v.Context.Cache.Size}
	}
	return v.orAsItWas(v.Messages[:n-1], func() (Answer, error) {
		return v.generate(ctx, v.last.prompt, v.last.tokens, v.last.raw, show)
	})
}

// orAsItWas answers messages, and leaves the conversation as it was where that fails.
func (v *Conversation) orAsItWas(messages []chat.Message, answer func() (Answer, error)) (Answer, error) {
	before := v.Messages
	v.Messages = messages
	a, err := answer()
	if err != nil {
		v.Messages = before
	}
	return a, err
}

// Replace makes messages the conversation. What is cached of them is used.
func (v *Conversation) Replace(messages []chat.Message) { v.Messages, v.last = messages, last{} }

// Forget forgets all turns; a system prompt stays.
func (v *Conversation) Forget() { v.Replace(v.Messages[:v.System()]) }

// System is the number of messages that are no turns: 1 with a system prompt, else 0.
func (v *Conversation) System() int {
	if len(v.Messages) > 0 && v.Messages[0].Role == "system" {
		return 1
	}
	return 0
}

// SetSystem sets the system prompt of all turns; "" for none.
func (v *Conversation) SetSystem(text string) {
	turns := v.Messages[v.System():]
	if v.Messages = turns; text != "" {
		v.Messages = append([]chat.Message{{Role: "system", Content: text}}, turns...)
	}
}

// reply answers the last message.
func (v *Conversation) reply(ctx context.Context, show Show) (Answer, error) {
	prompt, err := v.fit()
	if err != nil {
		return Answer{}, err
	}
	return v.generate(ctx, prompt, v.Template.Encode(prompt, true), "", show)
}

// generate runs tokens, those of prompt and of what was generated of the answer before, and what
// the model says then.
func (v *Conversation) generate(ctx context.Context, prompt string, tokens []int32, before string, show Show) (a Answer, err error) {
	rest, err := v.Reuse(tokens)
	if err != nil {
		return a, err
	}
	if v.fresh < len(tokens) && !v.told {
		v.told = true
		v.note("from token %d on the cache is not what the conversation run from its start would leave: rows were moved, or are packed that would be exact", v.fresh)
	}
	if err := v.mark(tokens); err != nil {
		return a, err
	}
	answer := v.Template.Answer(prompt)
	answer.Next(before)
	v.Control = func(text string) bool { return v.Raw || answer.Marker(text) }
	v.Begins = v.Template.Begins(prompt)
	shifts := v.Shifts
	a.Result, err = v.Generate(ctx, rest, func(piece string) error { return show(piece, answer.Next(piece)) })
	if err == nil {
		err = show("", answer.Finish())
	}
	if err != nil {
		return a, err
	}
	a.Message, a.Raw, a.Prompt, a.Run = answer.Message(), answer.Raw(), len(tokens), len(rest)
	v.Messages = append(v.Messages, a.Message)
	v.last = last{prompt: prompt, tokens: append(tokens[:len(tokens):len(tokens)], a.Tokens...), raw: a.Raw}
	if v.Shifts > shifts {
		v.note("the context of %d tokens was full: its older half was dropped while this was said", v.Context.Cache.Size)
		v.last.tokens = nil
	}
	return a, nil
}

func (v *Conversation) note(format string, args ...any) {
	if v.Note != nil {
		v.Note(fmt.Sprintf(format, args...))
	}
}
