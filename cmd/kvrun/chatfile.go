package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/chat"
)

// savedChat is a file of /save: an object with OpenAI's messages, on one line, as --conversations reads it.
type savedChat struct {
	Messages []chat.Message `json:"messages"`
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
	data, err := json.Marshal(savedChat{v.Messages})
	if err != nil {
		return err
	}
	files := output.Set{Context: v.e.ctx, Stdout: v.e.stdout} // of this file alone: it may be written again
	f, err := files.Create(output.Request{Flag: "/save", Path: path, Kind: output.Conversation, Force: force || v.flags.force || path == v.file, Mode: 0o600})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Fill(func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err }); err != nil {
		return err
	}
	v.file = path
	v.note("%d messages are in %s", len(v.Messages), path)
	return nil
}

// roles are those of messages in files.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

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
	messages, err := readMessages([]byte(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v.Replace(messages)
	v.line, v.file = chatLine{}, ""
	v.note("%d messages of %s are the conversation now", len(messages), path)
	if whole(text, messages) {
		v.file = path
	} else {
		v.note("%s holds more than messages with texts, reasoning, names and tool calls, which /save does not write: it replaces the file with --force alone", path)
	}
	return nil
}

// whole says whether a file of messages has nothing that save would leave out, such as tools.
func whole(text string, messages []chat.Message) bool {
	var was, is any
	data, err := json.Marshal(savedChat{messages})
	return err == nil && json.Unmarshal([]byte(text), &was) == nil && json.Unmarshal(data, &is) == nil && reflect.DeepEqual(was, is)
}

// readMessages reads OpenAI's messages: an object with them, or the list alone. Contents may be lists of texts.
func readMessages(data []byte) ([]chat.Message, error) {
	type message struct {
		chat.Message
		Content json.RawMessage `json:"content"`
	}
	var whole struct {
		Messages []message `json:"messages"`
	}
	err := json.Unmarshal(data, &whole)
	if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
		err = json.Unmarshal(data, &whole.Messages)
	}
	if err != nil {
		return nil, fmt.Errorf("it is no conversation: %w", err)
	}
	if len(whole.Messages) == 0 {
		return nil, errors.New(`it is no conversation: {"messages": [{"role": ..., "content": ...}, ...]} is wanted`)
	}
	var out []chat.Message
	for i, m := range whole.Messages {
		if !slices.Contains(roles, m.Role) {
			return nil, fmt.Errorf("message %d has the role %q: want one of %s", i+1, m.Role, strings.Join(roles, ", "))
		}
		if m.Message.Content, err = content(m.Content); err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, err)
		}
		out = append(out, m.Message)
	}
	return out, nil
}

// content is a text, the texts of a list of parts, or nothing.
func content(data json.RawMessage) (string, error) {
	var text string
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	switch {
	case len(data) == 0 || string(data) == "null":
		return "", nil
	case json.Unmarshal(data, &text) == nil:
		return text, nil
	case json.Unmarshal(data, &parts) != nil:
		return "", errors.New("its content is neither a text nor a list of texts")
	}
	for _, p := range parts {
		if p.Type != "text" {
			return "", fmt.Errorf("its content has a part of the type %q, and only texts are read", p.Type)
		}
		text += p.Text
	}
	return text, nil
}
