package chat

import (
	"encoding/json"
	"strings"
)

// Message is one turn of a conversation, in the fields of OpenAI's chat API. Roles are what the template knows, as a rule
// "system", "user", "assistant" and "tool".
type Message struct {
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	Reasoning string     `json:"reasoning_content,omitempty"` // what the model thought before it answered
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`        // functions that the model asked for
}

// ToolCall is a function that a model asked for.
type ToolCall struct {
	ID        string // as the model gave it; may be empty
	Name      string
	Arguments string // a JSON object
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

// size is about the bytes that a template sees of m.
func (m Message) size() int {
	n := len(m.Role) + len(m.Content) + 3*len(m.Reasoning)
	for _, c := range m.ToolCalls {
		n += len(c.ID) + len(c.Name) + 2*len(c.Arguments)
	}
	return n
}

// value is m as templates see it. Families name the reasoning differently, and each finds it by its own name. A field that
// is empty is absent: templates ask whether it is there.
func (m Message) value() map[string]any {
	v := map[string]any{"role": m.Role, "content": m.Content}
	if m.Reasoning != "" {
		for _, name := range []string{"reasoning_content", "reasoning", "thinking"} {
			v[name] = m.Reasoning
		}
	}
	if len(m.ToolCalls) > 0 {
		calls := make(list, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = c.value()
		}
		v["tool_calls"] = calls
	}
	return v
}

// value is c as templates see it.
func (c ToolCall) value() map[string]any {
	d := json.NewDecoder(strings.NewReader(c.Arguments))
	d.UseNumber()
	var arguments any
	if d.Decode(&arguments) != nil {
		arguments = c.Arguments
	}
	return map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": whole(arguments)}}
}

// whole makes numbers of v what they are in Python: integers where they are written so.
func whole(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i)
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	}
	return v
}
