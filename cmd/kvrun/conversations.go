package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/eval"
)

// dialogue is one line of a file of conversations.
type dialogue struct {
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
}

// conversations reads a file of JSON lines, a conversation each, and makes one text of them as the model's chat template
// writes them. It is what a model tuned for conversations is at home in.
func (s *session) conversations(e *environment, path string) (t eval.Text, c corpusRecord, err error) {
	text, err := e.readText(path)
	if err != nil {
		return t, c, err
	}
	template, err := s.template()
	if err != nil {
		return t, c, err
	}
	if template.Fallback {
		s.notes = append(s.notes, "the model has no chat template; conversations are written in ChatML, which it may not know")
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxText)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		var d dialogue
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			return t, c, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if len(d.Messages) == 0 {
			return t, c, fmt.Errorf("%s: line %d: no messages", path, n)
		}
		var turns []chat.Message
		for _, m := range d.Messages {
			turns = append(turns, chat.Message{Role: m.Role, Content: m.Content})
		}
		tokens, err := template.Tokens(turns, false)
		if err != nil {
			return t, c, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		t.Tokens = append(t.Tokens, tokens...)
	}
	if err := lines.Err(); err != nil {
		return t, c, fmt.Errorf("%s: %w", path, err)
	}
	if len(t.Tokens) == 0 {
		return t, c, fmt.Errorf("%s: no conversation", path)
	}
	t.BOS, t.AddBOS = s.tokens.BOS, s.tokens.AddBOS
	sum := sha256.Sum256([]byte(text))
	return t, corpusRecord{path, len(text), hex.EncodeToString(sum[:]), len(t.Tokens)}, nil
}
