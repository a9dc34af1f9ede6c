package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// calling thinks, calls two functions, and says something of their results.
func calling(t *testing.T) served.Options {
	return served.Options{Size: 2048, Model: served.Parrot(t, "<think>\nThey want weather.\n</think>\n\nLet me look."+
		`<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>`+"\n"+
		`<tool_call>{"name": "get_weather", "arguments": {"city": "São Paulo"}}</tool_call>`, "It is sunny, 21 °C.")}
}

// post sends a body, with a field set to a JSON value where one is named, and reads the answer.
func post(t *testing.T, url, body, field, value string) (status int, text string) {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	if field != "" {
		fields[field] = json.RawMessage(value)
	}
	sent, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url, "application/json", strings.NewReader(string(sent)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(data)
}

// refused asks for each value of a field and holds the answer to an error that names the param,
// which is the field itself where none is given.
func refused(t *testing.T, url, body string, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		if c.param == "" {
			c.param = c.field
		}
		if c.status == 0 {
			c.status = http.StatusBadRequest
		}
		status, text := post(t, url, body, c.field, c.value)
		var got struct {
			Error struct{ Message, Type, Param string }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != c.status || got.Error.Param != c.param || got.Error.Type != "invalid_request_error" || got.Error.Message == "" {
			t.Errorf("%s %s: %d %s, want %d of %s", c.field, c.value, status, text, c.status, c.param)
		}
	}
}

type refusal struct {
	field, value, param string
	status              int // 0 for 400
}

// TestRefused names the field of every request for a chat that is not honoured.
func TestRefused(t *testing.T) {
	_, url := served.Start(t, served.Options{})
	const body = `{"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 12, "temperature": 0}`
	url += "/v1/chat/completions"
	refused(t, url, body, []refusal{
		{field: "temperature", value: `-1`},
		{field: "temperature", value: `"hot"`},
		{field: "top_p", value: `1.5`},
		{field: "n", value: `1000`},
		{field: "max_tokens", value: `-5`},
		{field: "max_tokens", value: `1e300`},
		{field: "frequency_penalty", value: `3`},
		{field: "logit_bias", value: `{"x": 1}`},
		{field: "response_format", value: `{"type": "xml"}`},
		{field: "response_format", value: `{"type": "json_schema", "json_schema": {"name": "x", "schema": {"not": {}}}}`},
		{field: "no_such_field", value: `1`},
		{field: "messages", value: `[]`},
		{field: "messages", value: `[{"role": "king", "content": "Hello"}]`, param: "messages.0.role"},
		{field: "messages", value: `[{"role": "user", "content": [{"type": "image_url"}]}]`, param: "messages.0.content"},
		{field: "messages", value: `[{"role": "user", "content": "Hello", "crown": 1}]`, param: "messages.0.crown"},
		{field: "tools", value: `[{"type": "function", "function": {"name": "f"}}]`},
		{field: "tool_choice", value: `"always"`},
		{field: "top_logprobs", value: `5`},
		{field: "stop", value: `5`},
		{field: "model", value: `"gpt-4o"`, status: http.StatusNotFound},
	})
	long := `[{"role": "user", "content": "` + strings.Repeat("the king of the land ", 200) + `"}]`
	if status, text := post(t, url, body, "messages", long); status != http.StatusBadRequest || !strings.Contains(text, `"code":"context_length_exceeded"`) {
		t.Errorf("a prompt that is too long: %d %s", status, text)
	}
}

// TestCompletionRefused names the field of what is not honoured.
func TestCompletionRefused(t *testing.T) {
	_, url := served.Start(t, served.Options{})
	refused(t, url+"/v1/completions", `{"model": "tiny", "prompt": "Hello", "max_tokens": 10}`, []refusal{
		{field: "suffix", value: `"end"`},
		{field: "best_of", value: `5`},
		{field: "n", value: `99`},
		{field: "logprobs", value: `99`},
		{field: "prompt", value: `5`},
		{field: "prompt", value: `[-1]`},
		{field: "prompt", value: `[1048576]`},
		{field: "no_such", value: `true`},
		{field: "max_tokens", value: `-1`},
	})
}

// TestResponseRefused names the field of what is not honoured.
func TestResponseRefused(t *testing.T) {
	_, url := served.Start(t, calling(t))
	refused(t, url+"/v1/responses", `{"model": "tiny", "input": "Hello", "max_output_tokens": 10}`, []refusal{
		{field: "previous_response_id", value: `"resp_1"`},
		{field: "background", value: `true`},
		{field: "truncation", value: `"auto"`},
		{field: "conversation", value: `"conv_1"`},
		{field: "n", value: `2`},
		{field: "no_such", value: `1`},
		{field: "max_output_tokens", value: `-1`},
		{field: "input", value: `5`},
		{field: "tools", value: `[{"type": "telepathy"}]`},
		{field: "text", value: `{"format": {"type": "xml"}}`, param: "text.format"},
		{field: "reasoning", value: `{"no_such": 1}`, param: "reasoning.no_such"},
	})
}
