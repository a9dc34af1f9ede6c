package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/internal/suggest"
)

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
