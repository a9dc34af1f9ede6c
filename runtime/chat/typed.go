package chat

import (
	"encoding/json"
	"slices"
)

// Functions tells of the functions that may be called. Where arguments are tags, a text does not
// say whether 42 is a number or a string: the schema of the function does.
func (a *Answer) Functions(all []Tool) { a.functions = all }

// settle makes arguments strings that look like other values and may be none by their schema.
func (a *Answer) settle(c *ToolCall) {
	p := c.guessed
	c.guessed = nil
	at := slices.IndexFunc(a.functions, func(f Tool) bool { return f.Name == c.Name })
	if p == nil || at < 0 {
		return
	}
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(a.functions[at].Parameters, &s) != nil {
		return
	}
	for i := range p.list {
		if x := &p.list[i]; x.text != "" && x.value[0] != '"' && !takes(s.Properties[x.key], kindOf([]byte(x.value)), 0) {
			x.value = quote(x.text)
		}
	}
	c.Arguments = p.String()
}

// TextOnly says of an argument of a function with these parameters that every text between its tags
// is read as a string.
func TextOnly(parameters []byte, argument string) bool {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(parameters, &s) != nil {
		return false
	}
	return !slices.ContainsFunc([]string{"null", "boolean", "number", "object", "array"}, func(kind string) bool {
		return takes(s.Properties[argument], kind, 0)
	})
}

// kindOf is the type of a JSON value in JSON Schema's words; a number is one, whole or not.
func kindOf(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// maxChoices is how deep anyOf is looked into.
const maxChoices = 8

// takes says whether a value of a type may hold a schema. What is not understood takes all.
func takes(schema json.RawMessage, kind string, depth int) bool {
	var s struct {
		Type  json.RawMessage   `json:"type"`
		Const json.RawMessage   `json:"const"`
		Enum  []json.RawMessage `json:"enum"`
		AnyOf []json.RawMessage `json:"anyOf"`
		OneOf []json.RawMessage `json:"oneOf"`
	}
	if len(schema) == 0 || depth > maxChoices || json.Unmarshal(schema, &s) != nil {
		return true
	}
	var types []string
	if json.Unmarshal(s.Type, &types) != nil {
		var one string
		if json.Unmarshal(s.Type, &one) == nil {
			types = []string{one}
		}
	}
	same := func(v json.RawMessage) bool { return kindOf(v) == kind }
	deeper := func(v json.RawMessage) bool { return takes(v, kind, depth+1) }
	switch {
	case len(types) > 0 && !slices.Contains(types, kind) && (kind != "number" || !slices.Contains(types, "integer")):
		return false
	case len(s.Const) > 0 && !same(s.Const), len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, same):
		return false
	case len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, deeper), len(s.OneOf) > 0 && !slices.ContainsFunc(s.OneOf, deeper):
		return false
	}
	return true
}
