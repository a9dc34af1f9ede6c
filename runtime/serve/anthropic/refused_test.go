package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// calling thinks, calls a function, and says something of its result.
func calling(t *testing.T) served.Options {
	return served.Options{Size: 2048, Model: served.Parrot(t, "<think>\nThey want weather.\n</think>\n\nLet me look."+
		`<tool_call>{"name": "get_weather", "arguments": {"city": "São Paulo"}}</tool_call>`, "It is sunny, 21 °C.")}
}

// hello is a request for a few tokens, to which a field may be added.
const hello = `{"model": "tiny", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}`

// post sends hello with fields set to JSON values, and reads the answer.
func post(t *testing.T, url string, set map[string]string) (status int, text string) {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(hello), &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range set {
		fields[name] = json.RawMessage(value)
	}
	sent, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url+"/v1/messages", "application/json", strings.NewReader(string(sent)))
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

// TestRefused gives what is not honoured an error in the API's shape.
func TestRefused(t *testing.T) {
	_, url := served.Start(t, calling(t))
	for _, c := range []struct {
		field, value, says, kind string
		status                   int
	}{
		{"temperature", `2`, "temperature", "invalid_request_error", 400},
		{"max_tokens", `0`, "max_tokens", "invalid_request_error", 400},
		{"no_such_field", `1`, "no_such_field", "invalid_request_error", 400},
		{"tools", `[{"type": "web_search_20250305", "name": "web_search"}]`, "tools.0", "invalid_request_error", 400},
		{"tool_choice", `{"type": "any"}`, "tool_choice", "invalid_request_error", 400},
		{"messages", `[{"role": "user", "content": [{"type": "image", "source": {}}]}]`, "image", "invalid_request_error", 400},
		{"messages", `[{"role": "assistant", "content": "Hello"}]`, "messages", "invalid_request_error", 400},
		{"thinking", `{"type": "deep"}`, "thinking", "invalid_request_error", 400},
		{"mcp_servers", `[{"url": "http://127.0.0.1"}]`, "mcp_servers", "invalid_request_error", 400},
		{"model", `"claude"`, "claude", "not_found_error", 404},
	} {
		status, text := post(t, url, map[string]string{c.field: c.value})
		var got struct {
			Type  string
			Error struct{ Type, Message string }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != c.status || got.Type != "error" || got.Error.Type != c.kind || !strings.Contains(got.Error.Message, c.says) {
			t.Errorf("%s %s: %d %s, %v", c.field, c.value, status, text, err)
		}
	}
}

// TestBlocks reads the blocks of an answer by no client, and the same from the events of a stream.
func TestBlocks(t *testing.T) {
	_, url := served.Start(t, calling(t))
	type block struct {
		Type, Text, Thinking, Name string
		Input                      json.RawMessage
		Partial                    string `json:"partial_json"`
	}
	told := func(b block) string { return b.Type + " " + b.Thinking + b.Text + b.Name }
	const want = "thinking They want weather.; text Let me look.; tool_use get_weather"
	tools := `[{"name": "get_weather", "input_schema": {"type": "object"}}]`

	_, text := post(t, url, map[string]string{"tools": tools})
	var whole struct {
		Content []block
		Stop    string `json:"stop_reason"`
	}
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var said []string
	for _, b := range whole.Content {
		said = append(said, told(b))
	}
	if got := strings.Join(said, "; "); got != want || whole.Stop != "tool_use" || string(whole.Content[2].Input) != `{"city":"São Paulo"}` {
		t.Errorf("%s", text)
	}

	_, text = post(t, url, map[string]string{"tools": tools, "stream": "true"})
	var blocks []block
	for line := range strings.Lines(text) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Type  string
			Index int
			Start block `json:"content_block"`
			Delta block
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		switch e.Type {
		case "content_block_start":
			blocks = append(blocks, e.Start)
		case "content_block_delta":
			b := &blocks[e.Index]
			b.Text, b.Thinking, b.Partial = b.Text+e.Delta.Text, b.Thinking+e.Delta.Thinking, b.Partial+e.Delta.Partial
		}
	}
	said = nil
	for _, b := range blocks {
		said = append(said, told(b))
	}
	if got := strings.Join(said, "; "); got != want || blocks[2].Partial != `{"city":"São Paulo"}` {
		t.Errorf("%s", text)
	}
}
