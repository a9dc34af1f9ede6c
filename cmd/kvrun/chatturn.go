package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/runtime/chat"
)

// conversation is a chat: the turns so far and the sequence that holds them.
type conversation struct {
	*generation
	e        *environment
	in       *console.Input
	template *chat.Template
	messages []chat.Message
	flags    chatFlags
	json     bool
	verbose  bool

	told    bool // that the cache is not that of a fresh conversation
	spelled bool // that a command through a pipe is none
	plainly bool // that the template does not take a message as it is
	last    answered
	file    string // that was saved or loaded
}

// answered is the last answer as it was generated, for what goes on with it.
type answered struct {
	prompt string
	tokens []int32 // of prompt and answer
	raw    string
	line   chatLine
}

// chatLine is the JSON of one answer, a line each.
type chatLine struct {
	chat.Message
	Raw         string  `json:"raw,omitempty"` // as it was generated, with --raw
	Prompt      int     `json:"n_prompt"`      // tokens of the whole conversation
	Run         int     `json:"n_run"`         // of them, those that were not cached
	Gen         int     `json:"n_gen"`
	Messages    int     `json:"n_messages"` // still in the conversation
	Stop        string  `json:"stop"`
	PromptTS    float64 `json:"prompt_ts"`
	GenTS       float64 `json:"gen_ts"`
	Interrupted bool    `json:"-"`
}

// tooLong is a turn that the context has no place for.
type tooLong struct{ turn, size int }

func (t tooLong) Error() string {
	return fmt.Sprintf("the turn takes %d tokens and the context has %d", t.turn, t.size)
}

// answer runs one turn. A turn that gets no answer is none.
func (v *conversation) answer(turn string) (chatLine, error) {
	before := v.messages
	v.messages = append(v.messages[:len(v.messages):len(v.messages)], chat.Message{Role: "user", Content: turn})
	answer, err := v.reply()
	if err != nil {
		v.messages = before
	}
	return answer, err
}

// reply answers the last message.
func (v *conversation) reply() (chatLine, error) {
	prompt, err := v.fit()
	if err != nil {
		return chatLine{}, err
	}
	return v.generate(prompt, v.template.Encode(prompt, true), "")
}

// resume goes on with the last answer.
func (v *conversation) resume() (chatLine, error) {
	if len(v.last.tokens)+1 >= v.c.Cache.Size {
		return chatLine{}, tooLong{len(v.last.tokens) + 1, v.c.Cache.Size}
	}
	v.messages = v.messages[:len(v.messages)-1]
	return v.generate(v.last.prompt, v.last.tokens, v.last.raw)
}

// generate runs tokens, those of prompt and of what was generated of the answer before, and what the model says then.
func (v *conversation) generate(prompt string, tokens []int32, before string) (line chatLine, err error) {
	rest, err := v.reuse(tokens)
	if err != nil {
		return line, err
	}
	if v.fresh < len(tokens) && !v.told {
		v.told = true
		v.note("from token %d on the cache is not what the conversation run from its start would leave: rows were moved, or are packed that would be exact", v.fresh)
	}
	if err := v.mark(tokens); err != nil {
		return line, err
	}
	ctx, done := v.turn()
	defer done()
	answer := v.template.Answer(prompt)
	answer.Next(before)
	v.shows = func(text string) bool { return v.flags.raw || answer.Marker(text) }
	v.progress = v.e.promptProgress()
	show := v.shower()
	shifts := v.shifts
	p, err := v.more(ctx, rest, func(piece string) error {
		parts := answer.Next(piece)
		if v.flags.raw {
			return show.raw(piece)
		}
		return show.parts(parts)
	})
	if err == nil {
		if parts := answer.Finish(); !v.flags.raw {
			err = show.parts(parts)
		}
	}
	err = errors.Join(err, show.end(), v.resync())
	if err != nil {
		return line, err
	}
	message := answer.Message()
	v.messages = append(v.messages, message)
	line = chatLine{Message: message, Prompt: len(tokens), Run: len(rest), Gen: len(p.ids), Messages: len(v.messages), Stop: p.stop,
		PromptTS: rate(len(rest), p.prompt), GenTS: rate(len(p.ids)-1, p.total-p.prompt)}
	if v.flags.raw {
		line.Raw = answer.Raw()
	}
	v.last = answered{prompt: prompt, tokens: append(tokens[:len(tokens):len(tokens)], p.ids...), raw: answer.Raw(), line: line}
	if v.shifts > shifts {
		v.note("the context of %d tokens was full: its older half was dropped while this was said", v.c.Cache.Size)
		v.last.tokens = nil
	}
	return line, nil
}

// turn is the context of one answer, which Ctrl-C of a person ends alone.
func (v *conversation) turn() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(v.e.ctx)
	restore := func() {}
	if v.in.Person() && v.e.divert != nil {
		restore = v.e.divert(cancel)
	}
	stop := v.c.Stop
	v.c.Stop = ctx.Err
	v.in.Busy()
	return ctx, func() {
		v.c.Stop = stop
		restore()
		cancel()
	}
}

// resync takes rows of a prompt that was interrupted out of the cache.
func (v *conversation) resync() error {
	if v.c.Len() == len(v.cached) {
		return nil
	}
	if v.c.Len() > len(v.cached) && v.c.Truncate(len(v.cached)) == nil {
		return nil
	}
	v.c.Clear()
	v.cached, v.marked, v.markedFresh, v.fresh = nil, nil, allFresh, allFresh
	return nil
}

// fit is the prompt of the conversation. Its oldest turns are forgotten until a quarter of the context is left for the answer; the
// system prompt and the last turn stay.
func (v *conversation) fit() (string, error) {
	dropped := 0
	for {
		prompt, err := v.prompt()
		if err != nil {
			return "", err
		}
		tokens := len(v.template.Encode(prompt, true))
		size := v.c.Cache.Size
		scene := v.scene()
		switch {
		case v.keep == keepPrompt:
			v.keep = tokens
		case v.generation.flags.keep == 0:
			v.keep = tokens / max(1, len(v.messages)) * scene // about what the system prompt takes
		}
		fits := tokens <= size-size/4
		if !fits && len(v.messages) <= scene+1 {
			if tokens >= size {
				return "", tooLong{tokens, size}
			}
			fits = true
		}
		if fits {
			if dropped > 0 {
				v.note("the context of %d tokens is full: the oldest %d messages are forgotten", size, dropped)
			}
			return prompt, nil
		}
		if v.generation.flags.noShift {
			return "", errors.New("the context is full; without --no-context-shift the oldest turns would be forgotten")
		}
		// A question leaves with its answer.
		leave := min(2, len(v.messages)-1-scene)
		dropped += leave
		v.messages = append(v.messages[:scene:scene], v.messages[scene+leave:]...)
	}
}

// scene is the number of messages that are no turns.
func (v *conversation) scene() int {
	if len(v.messages) > 0 && v.messages[0].Role == "system" {
		return 1
	}
	return 0
}

// prompt is the conversation as the template writes it. Where the template refuses a message with tool calls, as some do when no
// result follows, the calls are told as text; and where it refuses a system prompt, that is said with the first turn.
func (v *conversation) prompt() (string, error) {
	text, err := v.template.Prompt(v.messages, true)
	if err == nil {
		return text, nil
	}
	told := make([]chat.Message, len(v.messages))
	for i, m := range v.messages {
		told[i] = chat.Message{Role: m.Role, Content: m.Content}
		for _, c := range m.ToolCalls {
			told[i].Content = strings.TrimLeft(fmt.Sprintf("%s\n{\"name\": %q, \"arguments\": %s}", told[i].Content, c.Name, c.Arguments), "\n")
		}
	}
	tries := [][]chat.Message{told}
	if v.scene() == 1 && len(told) > 1 {
		merged := append([]chat.Message(nil), told[1:]...)
		merged[0].Content = told[0].Content + "\n\n" + merged[0].Content
		tries = append(tries, merged)
	}
	for _, messages := range tries {
		if text, e := v.template.Prompt(messages, true); e == nil {
			if !v.plainly {
				v.plainly = true
				v.note("the model's chat template does not take the conversation as it is: tool calls and the system prompt are told as text")
			}
			return text, nil
		}
	}
	return "", err
}

// note tells the person something beside the conversation.
func (v *conversation) note(format string, args ...any) {
	fmt.Fprintf(v.e.stderr, "note: "+format+"\n", args...)
}
