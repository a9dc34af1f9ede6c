package ollama_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// answer is what ollama's client reads of a line.
type answer struct {
	Model     string
	CreatedAt string `json:"created_at"`
	Message   struct {
		Role, Content, Thinking string
		Calls                   []struct {
			ID       string
			Function struct {
				Index     int
				Name      string
				Arguments map[string]any
			}
		} `json:"tool_calls"`
	}
	Response, Thinking string
	Done               bool
	Reason             string `json:"done_reason"`
	Total              int64  `json:"total_duration"`
	Prompt             int    `json:"prompt_eval_count"`
	PromptTime         int64  `json:"prompt_eval_duration"`
	Count              int    `json:"eval_count"`
	Time               int64  `json:"eval_duration"`
	Cached             int    `json:"prompt_cached_count"`
}

// call sends a body and reads the lines that come.
func call(t *testing.T, url, body string) (status int, lines []answer, text string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		lines = append(lines, a)
	}
	return r.StatusCode, lines, string(data)
}

// calling thinks, calls a function, and says something of its result.
func calling(t *testing.T) served.Options {
	return served.Options{Size: 2048, Model: served.Parrot(t, "<think>\nThey want weather.\n</think>\n\nLet me look."+
		`<tool_call>{"name": "get_weather", "arguments": {"city": "São Paulo"}}</tool_call>`, "It is sunny, 21 °C.")}
}

const tools = `"tools": [{"type": "function", "function": {"name": "get_weather", "description": "of a place", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]`

// TestChat has a model think, call a function and answer to its result, whole and as lines.
func TestChat(t *testing.T) {
	_, url := served.Start(t, calling(t))
	ask := `{"model": "tiny:latest", "stream": %, "messages": [{"role": "user", "content": "Weather?"}], ` + tools + `}`
	status, lines, text := call(t, url+"/api/chat", strings.ReplaceAll(ask, "%", "false"))
	if status != 200 || len(lines) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	whole := lines[0]
	m := whole.Message
	if m.Content != "Let me look." || m.Thinking != "They want weather." || len(m.Calls) != 1 || m.Calls[0].Function.Arguments["city"] != "São Paulo" ||
		!whole.Done || whole.Reason != "stop" || whole.Count == 0 || whole.Total < whole.Time || whole.Time <= 0 || whole.PromptTime <= 0 || whole.CreatedAt == "" {
		t.Errorf("%s", text)
	}
	_, lines, _ = call(t, url+"/api/chat", strings.ReplaceAll(ask, "%", "true"))
	content, thinking, calls := "", "", 0
	for i, l := range lines {
		content, thinking, calls = content+l.Message.Content, thinking+l.Message.Thinking, calls+len(l.Message.Calls)
		if l.Done != (i == len(lines)-1) {
			t.Errorf("line %d of %d: done %v", i, len(lines), l.Done)
		}
	}
	if last := lines[len(lines)-1]; content != m.Content || thinking != m.Thinking || calls != 1 || last.Count != whole.Count || last.Cached != whole.Prompt-1 {
		t.Errorf("as lines %q, %q, %d calls, %+v", content, thinking, calls, last)
	}
	next := `{"model": "tiny", "stream": false, "messages": [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "Let me look.", "thinking": "hm", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}]}, {"role": "tool", "tool_name": "get_weather", "content": "sunny"}], ` + tools + `}`
	if _, lines, text := call(t, url+"/api/chat", next); lines[0].Message.Content != "It is sunny, 21 °C." {
		t.Errorf("%s", text)
	}
}

// TestGenerate continues a text raw, and answers it as a turn of a conversation.
func TestGenerate(t *testing.T) {
	_, url := served.Start(t, served.Options{})
	raw := `{"model": "tiny", "prompt": "KING RICHARD III:\n", "raw": true, "options": {"num_predict": 8, "temperature": 0}}`
	_, lines, _ := call(t, url+"/api/generate", raw)
	text := ""
	for _, l := range lines {
		text += l.Response
	}
	last := lines[len(lines)-1]
	if text == "" || last.Reason != "length" || last.Count != 8 || !last.Done {
		t.Errorf("%q, %+v", text, last)
	}
	_, lines, all := call(t, url+"/api/generate", `{"model": "tiny", "prompt": "Hello", "system": "Be a king.", "stream": false, "format": {"enum": ["yes", "no"]}, "options": {"num_predict": 30}}`)
	if got := lines[0].Response; got != `"yes"` && got != `"no"` {
		t.Errorf("%s", all)
	}
	if _, lines, all := call(t, url+"/api/generate", `{"model": "tiny"}`); !lines[0].Done || lines[0].Reason != "load" {
		t.Errorf("%s", all)
	}
}

// TestModels: the model is listed, described, and no other is there.
func TestModels(t *testing.T) {
	_, url := served.Start(t, calling(t))
	for _, path := range []string{"/api/tags", "/api/ps", "/api/version"} {
		r, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if !strings.Contains(string(data), `"tiny"`) && !strings.Contains(string(data), `"version":"0.`) {
			t.Errorf("%s: %s", path, data)
		}
	}
	var shown struct {
		Capabilities []string
		Info         map[string]any `json:"model_info"`
	}
	_, _, text := call(t, url+"/api/show", `{"model": "tiny"}`)
	if err := json.Unmarshal([]byte(text), &shown); err != nil || !slices.Contains(shown.Capabilities, "tools") || shown.Info["llama.context_length"] != 2048.0 {
		t.Errorf("%v: %s", err, text)
	}
	for body, code := range map[string]int{`{"model": "llama3.2"}`: 404, `{}`: 400, `{"model": "tiny", "no_such": 1}`: 400} {
		if status, _, text := call(t, url+"/api/show", body); status != code || !strings.HasPrefix(text, `{"error":"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

// TestRefused names the field of what is not honoured.
func TestRefused(t *testing.T) {
	_, url := served.Start(t, calling(t))
	for says, field := range map[string]string{
		"options.num_ctx": `"options": {"num_ctx": 100000}`, "options.temperature": `"options": {"temperature": -1}`, "options.mirostat": `"options": {"mirostat": 1}`,
		"options.no_such": `"options": {"no_such": 1}`, "no_such": `"no_such": 1`, "format": `"format": "xml"`, "think": `"think": 5`, "tools.0": `"tools": [{"type": "web"}]`,
		"options.stop": `"options": {"stop": [""]}`, "images": `"images": ["aGk="]`,
	} {
		status, _, text := call(t, url+"/api/chat", `{"model": "tiny", "messages": [{"role": "user", "content": "a"}], `+field+`}`)
		if status != 400 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", says, status, text)
		}
	}
}
