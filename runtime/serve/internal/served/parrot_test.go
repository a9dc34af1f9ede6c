package served_test

import (
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

var write = flag.String("write", "", "also write the model to this `file`, for clients of other languages")

// TestParrot thinks, speaks and calls a function, and says something else of its result.
func TestParrot(t *testing.T) {
	const afterTool = "It is sunny, 21 °C."
	model := served.Parrot(t, "<think>\nThey want weather.\n</think>\n\nLet me look."+
		`<tool_call>{"name": "get_weather", "arguments": {"city": "São Paulo"}}</tool_call>`, afterTool)
	if *write != "" {
		if err := os.WriteFile(*write, model, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, url := served.Start(t, served.Options{Model: model, Size: 1024})
	asked := `{"role": "user", "content": "How is the weather?"}`
	for _, c := range []struct{ messages, says string }{
		{asked, `"arguments":"{\"city\":\"São Paulo\"}"`},
		{asked + `, {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]},
			{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}`, `"content":"` + afterTool + `"`},
	} {
		body := `{"temperature": 0, "tools": [{"type": "function", "function": {"name": "get_weather"}}], "messages": [` + c.messages + `]}`
		r, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(text), c.says) {
			t.Errorf("%s: %s %s, %v; want %s", c.messages, r.Status, text, err, c.says)
		}
	}
}
