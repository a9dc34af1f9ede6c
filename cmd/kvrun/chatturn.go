package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
)

// conversation is a chat with a person or a program.
type conversation struct {
	*generate.Conversation
	e       *environment
	in      *console.Input
	flags   chatFlags
	json    bool
	verbose bool

	line    chatLine // of the last answer
	file    string   // that was saved or loaded
	spelled bool     // that a command through a pipe is none
}

// chatLine is the JSON of one answer, a line each.
type chatLine struct {
	chat.Message
	Raw      string  `json:"raw,omitempty"` // as it was generated, with --raw
	Prompt   int     `json:"n_prompt"`      // tokens of the whole conversation
	Run      int     `json:"n_run"`         // of them, those that were not cached
	Gen      int     `json:"n_gen"`
	Messages int     `json:"n_messages"` // still in the conversation
	Stop     string  `json:"stop"`
	PromptTS float64 `json:"prompt_ts"`
	GenTS    float64 `json:"gen_ts"`
}

// answer runs one of Say, Regenerate and Continue, shows what comes and ends it as say does.
func (v *conversation) answer(run func(context.Context, generate.Show) (generate.Answer, error)) error {
	ctx, done := v.turn()
	defer done()
	v.Progress = v.e.promptProgress()
	show := v.shower()
	a, err := run(ctx, func(text string, parts []chat.Part) error {
		if v.Raw {
			return show.raw(text)
		}
		return show.parts(parts)
	})
	if err == nil || show.any {
		err = errors.Join(err, show.end())
	}
	if err != nil {
		return err
	}
	v.line = chatLine{Message: a.Message, Prompt: a.Prompt, Run: a.Run, Gen: len(a.Tokens), Messages: len(v.Messages), Stop: a.Stop,
		PromptTS: rate(a.Run, a.Result.Prompt), GenTS: rate(a.After, a.Total-a.Result.Prompt)}
	if v.Raw {
		v.line.Raw = a.Raw
	}
	return v.say(v.line)
}

// turn is the context of one answer, which Ctrl-C of a person ends alone.
func (v *conversation) turn() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(v.e.ctx)
	restore := func() {}
	if v.in.Person() && v.e.divert != nil {
		restore = v.e.divert(cancel)
	}
	v.in.Busy()
	return ctx, func() {
		restore()
		cancel()
	}
}

// note tells the person something beside the conversation.
func (v *conversation) note(format string, args ...any) {
	fmt.Fprintf(v.e.stderr, "note: "+format+"\n", args...)
}
