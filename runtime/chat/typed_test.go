package chat

import "testing"

// TestTypedArguments: where arguments are tags, what the schema has as a string is one, whatever it
// looks like; what it has as another value is that.
func TestTypedArguments(t *testing.T) {
	tools := []Tool{{Name: "write", Parameters: []byte(`{"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}, "any": {},
		"maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "word": {"enum": ["1", "2"]}, "list": {"type": ["array", "string"]}, "one": {"const": "true"}}}`)}}
	for _, c := range []struct{ key, text, want string }{
		{"text", `{"name": "x"}`, `"{\"name\": \"x\"}"`}, {"text", "42", `"42"`}, {"text", " true ", `" true "`}, {"text", "null", `"null"`}, {"text", "plain", `"plain"`}, {"text", "[1]", `"[1]"`},
		{"n", "42", "42"}, {"n", "x", `"x"`}, {"any", "42", "42"}, {"other", "42", "42"}, {"maybe", "null", "null"}, {"maybe", "42", `"42"`},
		{"word", "1", `"1"`}, {"list", "[1]", "[1]"}, {"list", "1", `"1"`}, {"one", "true", `"true"`},
	} {
		for source, text := range map[string]string{
			"<tool_call> <function=":   "<tool_call>\n<function=write>\n<parameter=" + c.key + ">\n" + c.text + "\n</parameter>\n</function>\n</tool_call>",
			"<tool_call> <arg_key>":    "<tool_call>write\n<arg_key>" + c.key + "</arg_key>\n<arg_value>" + c.text + "</arg_value>\n</tool_call>",
			"<seed:tool_call>":         "<seed:tool_call>\n<function=write>\n<parameter=" + c.key + ">" + c.text + "</parameter>\n</function>\n</seed:tool_call>",
			"<minimax:tool_call>":      "<minimax:tool_call>\n<invoke name=\"write\">\n<parameter name=\"" + c.key + "\">" + c.text + "</parameter>\n</invoke>\n</minimax:tool_call>",
			"<|python_tag|><function=": "<function=write><parameter=" + c.key + ">" + c.text + "</parameter></function>",
		} {
			a := (&Template{Source: source}).Answer("")
			a.Functions(tools)
			a.Next(text)
			a.Finish()
			m := a.Message()
			want := `{"` + c.key + `":` + c.want + `}`
			if len(m.ToolCalls) != 1 || m.ToolCalls[0] != (ToolCall{Name: "write", Arguments: want}) {
				t.Errorf("%s: %q is read as %+v, want %s", source, text, m.ToolCalls, want)
			}
		}
	}
}
