package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/state"
)

// roles are those of messages in files.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

// WriteMessages is messages as JSON in OpenAI's fields, on one line: {"messages": [...]}.
func WriteMessages(messages []Message) ([]byte, error) {
	data, err := json.Marshal(saved{messages})
	return append(data, '\n'), err
}

type saved struct {
	Messages []Message `json:"messages"`
}

// Whole says whether a file of messages has nothing that WriteMessages would leave out, such as
// tools.
func Whole(text []byte, messages []Message) bool {
	var was, is any
	data, err := WriteMessages(messages)
	return err == nil && json.Unmarshal(text, &was) == nil && json.Unmarshal(data, &is) == nil && reflect.DeepEqual(was, is)
}

// ReadMessages reads OpenAI's messages: an object with them, or the list alone. Contents may be
// lists of texts.
func ReadMessages(data []byte) ([]Message, error) {
	type message struct {
		Message
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
	var out []Message
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

// ReadLine reads line number n of a file of conversations: OpenAI's messages and nothing else.
// Errors name the line, the message and the field.
func ReadLine(line string, n int) (turns []Message, err error) {
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
		turn := Message{Role: *m.Role, Reasoning: m.Reasoning, Name: m.Name, ToolCallID: m.ToolCallID}
		if m.Content != nil {
			turn.Content = *m.Content
		}
		for k, c := range m.ToolCalls {
			if c.Function.Name == "" || c.Type != "" && c.Type != "function" {
				return nil, fmt.Errorf("line %d: message %d: tool call %d: want {\"type\": \"function\", \"function\": {\"name\": ..., \"arguments\": ...}}", n, i+1, k+1)
			}
			turn.ToolCalls = append(turn.ToolCalls, ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		turns = append(turns, turn)
	}
	if len(turns) == 0 {
		return nil, fmt.Errorf("line %d: no messages", n)
	}
	return turns, nil
}
