package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// chatFlags are those of chat alone.
type chatFlags struct {
	system    string
	raw       bool
	noHistory bool
	force     bool
}

// chatCommand talks: a person by the terminal, a program a line at a time.
func chatCommand(e *environment, args []string) error {
	var m modelFlags
	var f sampleFlags
	var rules grammarFlags
	var keep promptCacheFlags
	var in promptFlags
	var c chatFlags
	fs := newFlags("chat")
	fs.StringVar(&c.system, "system-prompt", "", "`text` that sets the scene")
	fs.StringVarP(&in.prompt, "prompt", "p", "", "`text` of the first turn")
	in.addEscapes(fs)
	m.templateFlag(fs)
	fs.BoolVar(&c.raw, "raw", false, "show what is generated as it is, with all markup; the conversation keeps what was said")
	fs.BoolVar(&c.noHistory, "no-history", false, "neither read nor write the file of turns that were typed")
	forceFlag(fs, &c.force)
	keep.add(fs)
	f.add(fs, 1024)
	rules.add(fs)
	m.add(fs, model.Fast)
	defer keep.close()
	s, err := e.begin(fs, "[MODEL] [flags]", args, &m, func() (err error) {
		m.rest, err = in.positional(e, &m, m.rest)
		return err
	}, func() error {
		if err := f.check(); err != nil {
			return err
		}
		if err := rules.read(e); err != nil {
			return err
		}
		return keep.open(e)
	})
	if err != nil {
		return err
	}
	defer s.Close()
	t, err := s.template()
	if err != nil {
		return err
	}
	g, err := s.generation(&f, s.checkpoints())
	if err != nil {
		return err
	}
	defer g.Context.Close()
	if g.Options.Grammar, err = rules.of(e.ctx, g.Tokenizer); err != nil {
		return err
	}
	if err := keep.load(s, g); err != nil {
		return err
	}
	v := &conversation{Conversation: &generate.Conversation{Sequence: g, Template: t, Raw: c.raw}, e: e, flags: c, json: m.json, verbose: m.verbose}
	v.Note = func(text string) { v.note("%s", text) }
	if c.system != "" {
		v.SetSystem(in.unescaped(c.system))
	}
	v.in = console.Open(e.stdin, e.stderr)
	defer v.in.Close()
	if m.json {
		if err := printLine(e.stdout, s.record(g.Context)); err != nil {
			return err
		}
	} else {
		s.describe(e.stderr)
	}
	if v.in.Person() {
		v.welcome(s)
	}
	err = v.talk(in.unescaped(in.prompt))
	return errors.Join(err, keep.save(g))
}

// welcome says to a person who is there and how to go on.
func (v *conversation) welcome(s *session) {
	if path := console.HistoryFile(); path != "" && !v.flags.noHistory {
		v.in.History = console.LoadHistory(path)
	}
	name := filepath.Base(s.path)
	if n, ok, err := s.File.Str("general.name"); ok && err == nil && n != "" {
		name = n
	}
	fmt.Fprintln(v.e.stderr, manual.Wrap(fmt.Sprintf("%s, a context of %d tokens. /help lists commands, Ctrl-C stops an answer, Ctrl-D leaves.",
		plain.Name(name, 80), v.Context.Cache.Size), manual.Width(v.e.stderr), 0))
}

// checkpoints asks for a second sequence where a model may not be able to go back.
func (s *session) checkpoints() func(*tokenizer.Tokenizer) (sequences, cells int) {
	n := generate.Sequences(s.Model)
	if n == 1 {
		return nil
	}
	return func(*tokenizer.Tokenizer) (int, int) { return n, 0 }
}

// templateFlag defines --chat-template of a command that writes conversations.
func (m *modelFlags) templateFlag(fs *pflag.FlagSet) {
	fs.StringVar(&m.chatTemplate, "chat-template", "", "`format` of conversations in place of the model's own: "+strings.Join(chat.Names(), ", ")+", or a file with a Jinja template")
	fs.StringVar(&m.templateFile, "chat-template-file", "", "a Jinja template in a `file`")
}

// readTemplate is the text that --chat-template or --chat-template-file stands for, "" for neither.
func (m *modelFlags) readTemplate(e *environment) (string, error) {
	flag, name := "--chat-template", m.chatTemplate
	switch {
	case name != "" && m.templateFile != "":
		return "", fmt.Errorf("--chat-template and --chat-template-file are both given")
	case m.templateFile != "":
		flag, name = "--chat-template-file", m.templateFile
	case name == "":
		return "", nil
	default:
		if source, ok := chat.Named(name); ok {
			return source, nil
		}
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("--chat-template %q: no format of that name and no such file%s; formats: %s", name, suggest.Nearest(name, chat.Names()), strings.Join(chat.Names(), ", "))
		}
	}
	text, err := e.readText(name)
	if err == nil && strings.TrimSpace(text) == "" {
		err = fmt.Errorf("%s %s: the file is empty", flag, name)
	}
	return text, err
}

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
	out := v.e.stdout
	if v.json {
		out = nil
	}
	show := console.NewAnswer(out, v.in.Colour())
	a, err := run(ctx, func(text string, parts []chat.Part) error {
		if v.Raw {
			return show.Raw(text)
		}
		return show.Parts(parts)
	})
	if err == nil || show.Shown() {
		err = errors.Join(err, show.End())
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
