package openai

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// message is a turn of a conversation on the wire.
type message struct {
	Role       string         `json:"role"`
	Content    jsontext.Value `json:"content"`
	Reasoning  string         `json:"reasoning_content"`
	Name       string         `json:"name"`
	ToolCalls  []toolCall     `json:"tool_calls"`
	ToolCallID string         `json:"tool_call_id"`
	Rest       wire.Fields    `json:",embed"`
}

type toolCall struct {
	Index    *int   `json:"index,omitzero"` // of a stream
	ID       string `json:"id,omitzero"`
	Type     string `json:"type,omitzero"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// tool is a function that may be asked for.
type tool struct {
	Type     string    `json:"type"`
	Function *function `json:"function"`
}

type function struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Strict      *bool          `json:"strict"`
}

// Bounds of a conversation.
const (
	maxMessages = 1 << 14
	maxTools    = 512
	maxName     = 128 // bytes of a function's name
)

var roles = []string{"system", "developer", "user", "assistant", "tool"}

// conversation is what messages mean to a template.
func conversation(all []message) ([]chat.Message, error) {
	if len(all) == 0 {
		return nil, wire.Invalid("messages", "messages: want one at least")
	}
	if len(all) > maxMessages {
		return nil, wire.Invalid("messages", "messages: %d of them: want at most %d", len(all), maxMessages)
	}
	out := make([]chat.Message, 0, len(all))
	for i, m := range all {
		at := fmt.Sprintf("messages.%d", i)
		one, err := m.read(at)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// read is m, which stands at a place, for a template.
func (m *message) read(at string) (out chat.Message, err error) {
	if !slices.Contains(roles, m.Role) {
		return out, wire.Invalid(at+".role", "%s.role: %.32q: want one of %s", at, m.Role, strings.Join(roles, ", "))
	}
	if err := wire.Check(m.Rest, at+".", messageFields); err != nil {
		return out, err
	}
	out = chat.Message{Role: m.Role, Reasoning: m.Reasoning, Name: m.Name, ToolCallID: m.ToolCallID}
	if m.Role == "developer" { // the system's newer name, which templates do not know
		out.Role = "system"
	}
	if out.Content, err = content(m.Content, at+".content"); err != nil {
		return out, err
	}
	for k, c := range m.ToolCalls {
		if c.Function.Name == "" || c.Type != "" && c.Type != "function" {
			return out, wire.Invalid(at+".tool_calls", "%s.tool_calls.%d: want a function with its name", at, k)
		}
		out.ToolCalls = append(out.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	return out, nil
}

// textParts are the types of parts that are texts.
var textParts = []string{"text", "input_text", "output_text", "refusal"}

// content is a text, or the texts of a list of parts of these types and more.
func content(v jsontext.Value, at string, more ...string) (string, error) {
	switch v.Kind() {
	case '"':
		return text(v), nil
	case '[':
	default:
		if len(v) == 0 || v.Kind() == 'n' {
			return "", nil
		}
		return "", wire.Invalid(at, "%s: want a text or a list of parts", at)
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if unmarshal(v, &parts) != nil {
		return "", wire.Invalid(at, "%s: want a text or a list of parts", at)
	}
	var b strings.Builder
	for i, p := range parts {
		if !slices.Contains(textParts, p.Type) && !slices.Contains(more, p.Type) {
			return "", wire.Invalid(at, "%s.%d: a part of the type %.32q: the model reads text only", at, i, p.Type)
		}
		b.WriteString(p.Text)
	}
	return b.String(), nil
}

// functions are the tools of a request.
func functions(all []tool) ([]chat.Tool, error) {
	if len(all) > maxTools {
		return nil, wire.Invalid("tools", "tools: %d of them: want at most %d", len(all), maxTools)
	}
	var out []chat.Tool
	for i, t := range all {
		if t.Type != "function" || t.Function == nil {
			return nil, wire.Invalid("tools", "tools.%d: the type %.32q: only functions are supported", i, t.Type)
		}
		one, err := t.Function.read(fmt.Sprintf("tools.%d.function", i))
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (f *function) read(at string) (chat.Tool, error) {
	switch {
	case f.Name == "" || len(f.Name) > maxName:
		return chat.Tool{}, wire.Invalid(at+".name", "%s.name: want 1 to %d bytes", at, maxName)
	case len(f.Parameters) > 0 && f.Parameters.Kind() != '{' && f.Parameters.Kind() != 'n':
		return chat.Tool{}, wire.Invalid(at+".parameters", "%s.parameters: want a JSON schema", at)
	}
	t := chat.Tool{Name: f.Name, Description: f.Description, Strict: f.Strict != nil && *f.Strict}
	if f.Parameters.Kind() == '{' {
		t.Parameters = []byte(f.Parameters)
	}
	return t, nil
}

// text is the text that v, a JSON string, holds.
func text(v jsontext.Value) (s string) {
	_ = json.Unmarshal(v, &s)
	return s
}

func unmarshal(v jsontext.Value, to any) error { return json.Unmarshal(v, to) }
