package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/model"
)

// conversation is a chat: the turns so far and the sequence that holds them.
type conversation struct {
	*generation
	template *chat.Template
	messages []chat.Message
	told     bool // that the cache is not that of a fresh conversation
}

// chatLine is the JSON of one answer, a line each.
type chatLine struct {
	Role     string  `json:"role"`
	Content  string  `json:"content"`
	Prompt   int     `json:"n_prompt"` // tokens of the whole conversation
	Run      int     `json:"n_run"`    // of them, those that were not cached
	Gen      int     `json:"n_gen"`
	Messages int     `json:"n_messages"` // still in the conversation
	Stop     string  `json:"stop"`
	GenTS    float64 `json:"gen_ts"`
}

// chatCommand talks: one line of the standard input is one turn.
func chatCommand(e *environment, args []string) error {
	var m modelFlags
	var f sampleFlags
	var keep promptCacheFlags
	var in promptFlags
	var system string
	fs := newFlags("chat")
	fs.StringVar(&system, "system-prompt", "", "`text` that sets the scene")
	fs.StringVarP(&in.prompt, "prompt", "p", "", "`text` of the first turn")
	in.addEscapes(fs)
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
	if t.Fallback {
		s.notes = append(s.notes, "the model has no chat template; it is talked to in ChatML, which it may not know")
	}
	g, err := s.generation(&f, s.checkpoints())
	if err != nil {
		return err
	}
	defer g.c.Close()
	if err := keep.load(s, g); err != nil {
		return err
	}
	v := &conversation{generation: g, template: t}
	if system != "" {
		v.messages = append(v.messages, chat.Message{Role: "system", Content: in.unescaped(system)})
	}
	if m.json {
		if err := printLine(e.stdout, s.record(g.c)); err != nil {
			return err
		}
	} else {
		s.describe(e.stderr)
	}
	err = v.talk(e, in.unescaped(in.prompt), m.json)
	return errors.Join(err, keep.save(g))
}

// talk answers until there is no more input or Ctrl-C.
func (v *conversation) talk(e *environment, first string, json bool) error {
	lines := readLines(e.stdin)
	person := false
	if f, ok := e.stdin.(*os.File); ok {
		person = term.IsTerminal(int(f.Fd()))
	}
	for turn := first; ; turn = "" {
		if turn == "" {
			if person {
				fmt.Fprint(e.stderr, "> ")
			}
			select {
			case <-e.ctx.Done():
				fmt.Fprintln(e.stderr)
				return nil
			case line, ok := <-lines:
				if !ok {
					return nil
				}
				turn = line
			}
		}
		if turn = strings.TrimSpace(turn); turn == "" {
			continue
		}
		emit := func(text string) error {
			_, err := io.WriteString(e.stdout, text)
			return err
		}
		if json {
			emit = func(string) error { return nil }
		}
		answer, err := v.answer(e, turn, emit)
		if err != nil {
			return err
		}
		if json {
			err = printLine(e.stdout, answer)
		} else {
			_, err = fmt.Fprintln(e.stdout)
		}
		if err != nil || answer.Stop == stopInterrupted {
			return err
		}
	}
}

// answer runs one turn.
func (v *conversation) answer(e *environment, turn string, emit func(string) error) (chatLine, error) {
	v.messages = append(v.messages, chat.Message{Role: "user", Content: turn})
	tokens, err := v.fit()
	if err != nil {
		return chatLine{}, err
	}
	rest, err := v.reuse(tokens)
	if err != nil {
		return chatLine{}, err
	}
	if v.fresh < len(tokens) && !v.told {
		v.told = true
		fmt.Fprintf(e.stderr, "note: from token %d on the cache is not what the conversation run from its start would leave: rows were moved, or are packed that would be exact\n", v.fresh)
	}
	if err := v.mark(tokens); err != nil {
		return chatLine{}, err
	}
	var text strings.Builder
	p, err := v.more(e.ctx, rest, func(piece string) error {
		text.WriteString(piece)
		return emit(piece)
	})
	if err != nil {
		return chatLine{}, err
	}
	v.messages = append(v.messages, chat.Message{Role: "assistant", Content: text.String()})
	return chatLine{Role: "assistant", Content: text.String(), Prompt: len(tokens), Run: len(rest), Gen: len(p.ids),
		Messages: len(v.messages), Stop: p.stop, GenTS: rate(len(p.ids)-1, p.total-p.prompt)}, nil
}

// fit is the tokens of the conversation. Its oldest turns are forgotten until a quarter of the context is left for the
// answer; the system prompt and the last turn stay.
func (v *conversation) fit() ([]int32, error) {
	for {
		tokens, err := v.template.Tokens(v.messages, true)
		if err != nil {
			return nil, err
		}
		size := v.c.Cache.Size
		scene := 0
		if v.messages[0].Role == "system" {
			scene = 1
		}
		switch {
		case v.keep == keepPrompt:
			v.keep = len(tokens)
		case v.flags.keep == 0:
			v.keep = len(tokens) / max(1, len(v.messages)) * scene // about what the system prompt takes
		}
		if len(tokens) <= size-size/4 {
			return tokens, nil
		}
		if len(v.messages) <= scene+1 {
			if len(tokens) < size {
				return tokens, nil
			}
			return nil, fmt.Errorf("the turn takes %d tokens and the context has %d", len(tokens), size)
		}
		if v.flags.noShift {
			return nil, errors.New("the context is full; without --no-context-shift the oldest turns would be forgotten")
		}
		// A question leaves with its answer.
		v.messages = append(v.messages[:scene:scene], v.messages[min(scene+2, len(v.messages)-1):]...)
	}
}

// readLines sends the lines of r, and closes the channel at its end.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		b := bufio.NewScanner(r)
		b.Buffer(nil, 1<<20)
		for b.Scan() {
			lines <- b.Text()
		}
	}()
	return lines
}
