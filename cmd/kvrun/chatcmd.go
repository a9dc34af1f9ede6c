package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kvgen/kvgen/cmd/internal/console"
	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/cmd/internal/plain"
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
	m.add(fs, model.Fast)
	if err := e.parse(fs, "[MODEL] [flags]", args); err != nil {
		return err
	}
	rest, err := in.positional(e, &m, fs.Args())
	if err != nil {
		return err
	}
	if err := m.check(e, rest); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := keep.check(); err != nil {
		return err
	}
	if err := keep.open(e); err != nil {
		return err
	}
	defer keep.close()
	s, err := e.open(&m)
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
