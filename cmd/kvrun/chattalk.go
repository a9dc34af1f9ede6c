package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/generate"
)

// talk answers until there is no more to answer. A person goes on after what a turn could not have; a program gets the error.
func (v *conversation) talk(first string) error {
	again := false
	for turn := first; ; turn = "" {
		if turn == "" {
			var err error
			turn, err = v.in.Read(v.e.ctx, "> ")
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case errors.Is(err, console.ErrAgain) && again:
				return nil
			case errors.Is(err, console.ErrAgain):
				again = true
				fmt.Fprintln(v.e.stderr, "Ctrl-C again leaves, as /exit does")
				continue
			case errors.Is(err, console.ErrInterrupt):
				continue
			case console.TooLong(err):
				v.note("%v", err)
				continue
			case err != nil:
				return err
			}
		}
		again = false
		if turn = strings.TrimSpace(turn); turn == "" {
			continue
		}
		err := v.take(turn)
		if errors.Is(err, errLeave) {
			return nil
		}
		if err = v.outcome(err); err != nil {
			return err
		}
	}
}

// errLeave is what /exit returns.
var errLeave = errors.New("the conversation is over")

// take does what a turn asks for: a person's commands, else an answer.
func (v *conversation) take(turn string) error {
	if v.in.Person() {
		if strings.HasPrefix(turn, "//") {
			turn = turn[1:]
		} else if strings.HasPrefix(turn, "/") {
			return v.command(turn)
		}
	} else if name, _, _ := strings.Cut(turn, " "); !v.spelled && isSlash(name) {
		v.spelled = true
		v.note("%s is said to the model: commands are for a terminal", name)
	}
	return v.answer(func(ctx context.Context, show generate.Show) (generate.Answer, error) { return v.Say(ctx, turn, show) })
}

// say ends an answer that was printed as it came.
func (v *conversation) say(line chatLine) error {
	if v.json {
		if err := printLine(v.e.stdout, line); err != nil {
			return err
		}
	}
	person := v.in.Person()
	switch {
	case line.Stop == generate.StopLimit && person:
		v.note("stopped after %d tokens (--predict); /continue goes on", line.Gen)
	case line.Stop == generate.StopLimit:
		v.note("stopped after %d tokens (--predict)", line.Gen)
	case line.Stop == generate.StopFull:
		v.note("stopped after %d tokens: the context of %d positions is full and none may be dropped", line.Gen, v.Context.Cache.Size)
	case line.Stop == generate.StopInterrupted && person && v.e.ctx.Err() == nil:
		v.note("stopped after %d tokens; /continue goes on", line.Gen)
	case line.Stop == generate.StopInterrupted:
		return context.Canceled
	}
	if v.verbose {
		fmt.Fprintln(v.e.stderr, v.speed(line))
	}
	return nil
}

func (v *conversation) speed(l chatLine) string {
	return fmt.Sprintf("prompt %d tokens, %d of them run, %.1f/s; generated %d tokens, %.1f/s; context %d of %d tokens",
		l.Prompt, l.Run, l.PromptTS, l.Gen, l.GenTS, v.Context.Len(), v.Context.Cache.Size)
}

// outcome is err as far as it ends the conversation. A person is told what went wrong and asked again.
func (v *conversation) outcome(err error) error {
	if err == nil || !v.in.Person() || v.e.ctx.Err() != nil {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	fmt.Fprintln(v.e.stderr, "error:", plain.Message(err.Error()))
	var long generate.TooLong
	if errors.As(err, &long) {
		fmt.Fprintln(v.e.stderr, "the conversation is as it was; say less, or start with a larger --ctx-size")
	}
	return nil
}
