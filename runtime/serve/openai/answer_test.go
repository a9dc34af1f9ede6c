package openai_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

const getWeather = `"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}`

// spoken is what a message, or a piece of one, says.
type spoken struct {
	Content   string
	Reasoning string `json:"reasoning_content"`
	ToolCalls []struct {
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

// events are the data of a stream, of which each event has one line.
func events(text string) (all []string) {
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			all = append(all, strings.TrimSpace(data))
		}
	}
	return all
}

// TestAnswer reads thinking, text and calls from a whole answer and from the pieces of a stream,
// by no client.
func TestAnswer(t *testing.T) {
	_, url := served.Start(t, calling(t))
	url += "/v1/chat/completions"
	body := `{"model": "tiny", "temperature": 0, "messages": [{"role": "user", "content": "Rome?"}], "tools": [{"type": "function", "function": {` + getWeather + `}}]}`
	var whole struct {
		Choices []struct {
			Message spoken
			Finish  string `json:"finish_reason"`
		}
	}
	status, text := post(t, url, body, "", "")
	if err := json.Unmarshal([]byte(text), &whole); err != nil || status != http.StatusOK || whole.Choices[0].Finish != "tool_calls" {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	_, text = post(t, url, body, "stream", "true")
	var streamed spoken
	all := events(text)
	for _, data := range all[:len(all)-1] {
		var piece struct{ Choices []struct{ Delta spoken } }
		if err := json.Unmarshal([]byte(data), &piece); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		d := piece.Choices[0].Delta
		streamed.Content += d.Content
		streamed.Reasoning += d.Reasoning
		streamed.ToolCalls = append(streamed.ToolCalls, d.ToolCalls...)
	}
	if all[len(all)-1] != "[DONE]" {
		t.Errorf("the last event is %s", all[len(all)-1])
	}
	for how, m := range map[string]spoken{"whole": whole.Choices[0].Message, "stream": streamed} {
		if m.Content != "Let me look." || m.Reasoning != "They want weather." || len(m.ToolCalls) != 2 || m.ToolCalls[0].ID == m.ToolCalls[1].ID ||
			m.ToolCalls[0].Function.Arguments != `{"city":"Rome"}` || m.ToolCalls[1].Function.Arguments != `{"city":"São Paulo"}` {
			t.Errorf("%s: %+v", how, m)
		}
	}
}

// TestResponseItems: the last event of a stream has the items of the whole response.
func TestResponseItems(t *testing.T) {
	_, url := served.Start(t, calling(t))
	url += "/v1/responses"
	body := `{"model": "tiny", "temperature": 0, "input": "Rome?", "tools": [{"type": "function", ` + getWeather + `}]}`
	type response struct {
		Status string
		Output []struct {
			Type, Arguments string
			Content         []struct{ Text string }
		}
	}
	told := func(r response) string {
		said := r.Status
		for _, x := range r.Output {
			said += "; " + x.Type + " " + x.Arguments
			for _, part := range x.Content {
				said += part.Text
			}
		}
		return said
	}
	var whole response
	_, text := post(t, url, body, "", "")
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	const want = `completed; reasoning They want weather.; message Let me look.; function_call {"city":"Rome"}; function_call {"city":"São Paulo"}`
	if got := told(whole); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	_, text = post(t, url, body, "stream", "true")
	all := events(text)
	var last struct {
		Type     string
		Response response
	}
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil || last.Type != "response.completed" || told(last.Response) != want {
		t.Errorf("%s, %v", all[len(all)-1], err)
	}
}
