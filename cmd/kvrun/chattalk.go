package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
)

// talk answers turns until the conversation ends. A person goes on after a turn that failed; a
// program gets the error.
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

// outcome is err if it ends the conversation. A person is told what went wrong and asked again.
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

// slash is a command of a person in a chat.
type slash struct {
	names         []string
	argument, say string
	run           func(v *conversation, argument string) error
}

// slashes in the order of /help.
func slashes() []slash {
	return []slash{
		{[]string{"/help", "/?"}, "", "this list", (*conversation).help},
		{[]string{"/clear"}, "", "forget the conversation; the system prompt stays", (*conversation).clear},
		{[]string{"/regen"}, "", "answer the last turn again", (*conversation).regen},
		{[]string{"/continue"}, "", "go on with the last answer", (*conversation).goOn},
		{[]string{"/system"}, "[TEXT]", "set the system prompt, or show it; /system - takes it away", (*conversation).setScene},
		{[]string{"/save"}, "[--force] FILE", "write the conversation as JSON of OpenAI's messages", (*conversation).save},
		{[]string{"/load"}, "FILE", "read such a file and go on with it", (*conversation).load},
		{[]string{"/stats"}, "", "tokens, speed and what is left of the context", (*conversation).stats},
		{[]string{"/exit", "/quit", "/bye"}, "", "leave, as Ctrl-D does", func(*conversation, string) error { return errLeave }},
	}
}

// isSlash says whether a word is the name of a command.
func isSlash(name string) bool {
	return slices.ContainsFunc(slashes(), func(s slash) bool { return slices.Contains(s.names, name) })
}

// command runs a line that begins with a slash.
func (v *conversation) command(line string) error {
	name, argument, _ := strings.Cut(line, " ")
	if before, after, ok := strings.Cut(name, "\n"); ok {
		name, argument = before, after+" "+argument
	}
	var names []string
	for _, s := range slashes() {
		for _, n := range s.names {
			if n == name {
				if argument = strings.TrimSpace(argument); argument != "" && s.argument == "" {
					return fmt.Errorf("%s takes nothing after it, and was given %s", n, plain.Name(argument, 60))
				}
				return s.run(v, argument)
			}
			names = append(names, n)
		}
	}
	return fmt.Errorf("no command %s%s; /help lists them, and a turn that begins with two slashes is said with one",
		plain.Name(name, 40), suggest.Nearest(name, names))
}

func (v *conversation) help(string) error {
	return manual.Page(v.e.stderr, slashPage(), manual.Width(v.e.stderr))
}

// slashPage is what /help prints.
func slashPage() string {
	var page strings.Builder
	for _, s := range slashes() {
		fmt.Fprintf(&page, "  %-24s  %s\n", strings.TrimSpace(strings.Join(append(s.names[:len(s.names):len(s.names)], s.argument), " ")), s.say)
	}
	page.WriteString(`  //TEXT                    say TEXT with one slash before it

A line that ends in \ goes on in the next; """ begins and ends a turn of several lines; a paste is one turn. Up and Down recall turns.`)
	return page.String()
}

func (v *conversation) clear(string) error {
	v.Forget()
	v.line = chatLine{}
	v.note("the conversation is forgotten")
	return nil
}

func (v *conversation) regen(string) error { return v.answer(v.Regenerate) }

func (v *conversation) goOn(string) error { return v.answer(v.Continue) }

func (v *conversation) setScene(text string) error {
	switch {
	case text == "" && v.System() == 0:
		v.note("there is no system prompt")
	case text == "":
		fmt.Fprintln(v.e.stderr, plain.Text(v.Messages[0].Content))
	case text == "-":
		v.SetSystem("")
		v.note("there is no system prompt now")
	default:
		v.SetSystem(text)
		v.note("the system prompt is set, for all turns of the conversation")
	}
	return nil
}

func (v *conversation) stats(string) error {
	fmt.Fprintf(v.e.stderr, "%d messages, %d of %d tokens of the context in use\n", len(v.Messages), v.Context.Len(), v.Context.Cache.Size)
	if v.line.Stop != "" {
		fmt.Fprintln(v.e.stderr, "last answer:", v.speed(v.line))
	}
	return nil
}

func (v *conversation) save(argument string) error {
	path, force := strings.CutPrefix(argument, "--force ")
	path = strings.TrimSpace(path)
	if path == "" || path == "-" {
		return errors.New("/save FILE: a file to write is missing")
	}
	if len(v.Messages) == 0 {
		return errors.New("there is nothing to save")
	}
	data, err := chat.WriteMessages(v.Messages)
	if err != nil {
		return err
	}
	// A set of this file alone, since a conversation may be saved again.
	files := output.Set{Context: v.e.ctx, Stdout: v.e.stdout}
	f, err := files.Create(output.Request{Flag: "/save", Path: path, Kind: output.Conversation, Force: force || v.flags.force || path == v.file, Mode: 0o600})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Fill(func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return err
	}
	v.file = path
	v.note("%d messages are in %s", len(v.Messages), path)
	return nil
}

func (v *conversation) load(path string) error {
	if path == "" {
		return errors.New("/load FILE: a file to read is missing")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	text, err := readAll(f, maxText)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	messages, err := chat.ReadMessages([]byte(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v.Replace(messages)
	v.line, v.file = chatLine{}, ""
	v.note("%d messages of %s are the conversation now", len(messages), path)
	if chat.Whole([]byte(text), messages) {
		v.file = path
	} else {
		v.note("%s holds more than messages with texts, reasoning, names and tool calls, which /save does not write: it replaces the file with --force alone", path)
	}
	return nil
}
