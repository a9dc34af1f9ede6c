package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/state"
)

// dialogue is one line of a file of conversations, in the fields of OpenAI's chat API.
type dialogue struct {
	Messages []struct {
		Role       *string `json:"role"`
		Content    *string `json:"content"`
		Reasoning  string  `json:"reasoning_content"`
		Name       string  `json:"name"`
		ToolCallID string  `json:"tool_call_id"`
		ToolCalls  []struct {
			ID       string `json:"id"`
			Type     string `json:"type"`
			Function struct {
				Name      string `json:"name"`
				Arguments string `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
	} `json:"messages"`
}

// readDialogue reads line number n of a file.
func readDialogue(line string, n int) (turns []chat.Message, err error) {
	var d dialogue
	if err := state.Decode([]byte(line), &d, "content"); err != nil {
		var m *state.Mistake
		if errors.As(err, &m) {
			m.Line = n
		}
		return nil, fmt.Errorf(`%w; a conversation is {"messages": [{"role": ..., "content": ...}, ...]} with OpenAI's name, tool_calls and tool_call_id, reasoning_content and nothing else`, err)
	}
	for i, m := range d.Messages {
		switch {
		case m.Role == nil || *m.Role == "":
			return nil, fmt.Errorf("line %d: message %d has no role", n, i+1)
		case m.Content == nil && len(m.ToolCalls) == 0:
			return nil, fmt.Errorf("line %d: message %d has no content", n, i+1)
		}
		turn := chat.Message{Role: *m.Role, Reasoning: m.Reasoning, Name: m.Name, ToolCallID: m.ToolCallID}
		if m.Content != nil {
			turn.Content = *m.Content
		}
		for k, c := range m.ToolCalls {
			if c.Function.Name == "" || c.Type != "" && c.Type != "function" {
				return nil, fmt.Errorf("line %d: message %d: tool call %d: want {\"type\": \"function\", \"function\": {\"name\": ..., \"arguments\": ...}}", n, i+1, k+1)
			}
			turn.ToolCalls = append(turn.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		turns = append(turns, turn)
	}
	if len(turns) == 0 {
		return nil, fmt.Errorf("line %d: no messages", n)
	}
	return turns, nil
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
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxText)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		turns, err := readDialogue(lines.Text(), n)
		if err != nil {
			return t, c, fmt.Errorf("%s: %w", path, err)
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
	return t, newCorpus(path, text, t.Tokens), nil
}
