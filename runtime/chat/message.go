package chat

import (
	"encoding/json"
	"fmt"

	"github.com/kvgen/kvgen/runtime/chat/jinja"
)

// Message is one turn of a conversation, in the fields of OpenAI's chat API. Roles are what the
// template knows, as a rule "system", "user", "assistant" and "tool".
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	// what the model thought before it answered
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []ToolCall `json:"tool_calls,omitempty"` // functions that the model asked for

	// of who speaks, or of the function whose result this is
	Name       string `json:"name,omitempty"`
	ToolCallID string `json:"tool_call_id,omitempty"` // the call whose result this is
}

// Tool is a function that a model may ask for.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // a JSON schema; empty for a function that takes nothing
	Strict      bool            // arguments are held to Parameters; templates are not told
}

// value is t as templates see it, in the form of OpenAI's chat API.
func (t Tool) value() (*jinja.Dict, error) {
	f := jinja.NewDict("name", t.Name, "description", t.Description)
	if len(t.Parameters) > 0 {
		schema, err := jinja.FromJSON(t.Parameters)
		if err != nil {
			return nil, fmt.Errorf("chat: the parameters of the function %.64q: %w", t.Name, err)
		}
		f.Set("parameters", schema)
	} else {
		f.Set("parameters", jinja.NewDict("type", "object", "properties", jinja.NewDict()))
	}
	return jinja.NewDict("type", "function", "function", f), nil
}

// ToolCall is a function that a model asked for.
type ToolCall struct {
	ID        string // as the model gave it; may be empty
	Name      string
	Arguments string // a JSON object

	guessed *pairs // arguments whose types the markup does not say, until they are settled
}

// wireCall is a ToolCall in JSON.
type wireCall struct {
	ID       string `json:"id,omitempty"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// MarshalJSON writes the form of OpenAI's chat API.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	w := wireCall{ID: c.ID, Type: "function"}
	w.Function.Name, w.Function.Arguments = c.Name, c.Arguments
	return json.Marshal(w)
}

// UnmarshalJSON reads the form of OpenAI's chat API.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	var w wireCall
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*c = ToolCall{ID: w.ID, Name: w.Function.Name, Arguments: w.Function.Arguments}
	return nil
}

// value is m as templates see it. Families name the reasoning differently, and each finds it by its
// own name. A field that is empty is absent: templates ask whether it is there.
func (m Message) value(textArguments bool) *jinja.Dict {
	v := jinja.NewDict("role", m.Role, "content", m.Content)
	for _, field := range []struct{ name, text string }{{"name", m.Name}, {"tool_call_id", m.ToolCallID}} {
		if field.text != "" {
			v.Set(field.name, field.text)
		}
	}
	if m.Reasoning != "" {
		for _, name := range []string{"reasoning_content", "reasoning", "thinking"} {
			v.Set(name, m.Reasoning)
		}
	}
	if len(m.ToolCalls) > 0 {
		calls := &jinja.List{}
		for i, c := range m.ToolCalls {
			if c.ID == "" {
				c.ID = callID(i)
			}
			calls.Items = append(calls.Items, c.value(textArguments))
		}
		v.Set("tool_calls", calls)
	}
	return v
}

// callID is the id of the i-th call of a message that has none: some templates want one, of nine
// characters.
func callID(i int) string { return fmt.Sprintf("call%05d", i+1) }

// value is c as templates see it. Arguments that are no JSON stay a text.
func (c ToolCall) value(textArguments bool) *jinja.Dict {
	arguments, err := jinja.FromJSON([]byte(c.Arguments))
	if err != nil || textArguments {
		arguments = c.Arguments
	}
	return jinja.NewDict("id", c.ID, "type", "function",
		"function", jinja.NewDict("name", c.Name, "arguments", arguments))
}
