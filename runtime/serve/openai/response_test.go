//go:build peers

package openai_test

import (
	"slices"
	"strings"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

func input(text string) responses.ResponseNewParams {
	q := responses.ResponseNewParams{Model: "tiny", MaxOutputTokens: openai.Int(300), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
	q.Tools = []responses.ToolUnionParam{
		{OfFunction: &responses.FunctionToolParam{Name: "get_weather", Strict: openai.Bool(false), Parameters: map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}}},
		{OfWebSearch: &responses.WebSearchToolParam{Type: "web_search"}},
	}
	return q
}

// TestResponse has a model think, say something and call functions, and answer to their results.
func TestResponse(t *testing.T) {
	c := client(t, calling(t))
	r, err := c.Responses.New(t.Context(), input("How is the weather?"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	next := input("")
	next.Input = responses.ResponseNewParamsInputUnion{}
	add := func(x responses.ResponseInputItemUnionParam) {
		next.Input.OfInputItemList = append(next.Input.OfInputItemList, x)
	}
	add(responses.ResponseInputItemParamOfMessage("How is the weather?", "user"))
	for _, x := range r.Output {
		kinds = append(kinds, x.Type)
		if x.Status != "completed" {
			t.Errorf("%s", x.RawJSON())
		}
		switch x.Type {
		case "reasoning":
			p := x.AsReasoning().ToParam()
			add(responses.ResponseInputItemUnionParam{OfReasoning: &p})
		case "message":
			p := x.AsMessage().ToParam()
			add(responses.ResponseInputItemUnionParam{OfOutputMessage: &p})
		case "function_call":
			f := x.AsFunctionCall()
			p := f.ToParam()
			add(responses.ResponseInputItemUnionParam{OfFunctionCall: &p})
			out := responses.ResponseInputItemParamOfFunctionCallOutput("sunny")
			out.OfFunctionCallOutput.CallID = openai.String(f.CallID)
			add(out)
			if f.Name != "get_weather" || !strings.HasPrefix(f.Arguments, `{"city":`) || !strings.HasPrefix(f.CallID, "call_") || !strings.HasPrefix(f.ID, "fc_") {
				t.Errorf("%s", f.RawJSON())
			}
		}
	}
	if r.Status != "completed" || r.OutputText() != "Let me look." || !slices.Equal(kinds, []string{"reasoning", "message", "function_call", "function_call"}) ||
		r.Usage.OutputTokensDetails.ReasoningTokens == 0 || r.Usage.TotalTokens != r.Usage.InputTokens+r.Usage.OutputTokens || len(r.Tools) != 1 {
		t.Errorf("%s", r.RawJSON())
	}
	r, err = c.Responses.New(t.Context(), next)
	if err != nil || r.OutputText() != "It is sunny, 21 °C." {
		t.Errorf("%+v, %v", r, err)
	}
	short := input("How is the weather?")
	short.MaxOutputTokens = openai.Int(3)
	if r, err = c.Responses.New(t.Context(), short); err != nil || r.Status != "incomplete" || r.IncompleteDetails.Reason != "max_output_tokens" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestResponseEvents: numbers count up, indices and ids are those of the items, and the deltas of
// an item make what its last event has.
func TestResponseEvents(t *testing.T) {
	c := client(t, calling(t))
	stream := c.Responses.NewStreaming(t.Context(), input("How is the weather?"))
	var order []string
	ids := map[int64]string{}
	deltas := map[string]string{}
	for n := int64(0); stream.Next(); n++ {
		e := stream.Current()
		if e.SequenceNumber != n {
			t.Errorf("event %d has the number %d", n, e.SequenceNumber)
		}
		if len(order) == 0 || order[len(order)-1] != e.Type {
			order = append(order, e.Type)
		}
		switch e.Type {
		case "response.output_item.added":
			if _, ok := ids[e.OutputIndex]; ok || int(e.OutputIndex) != len(ids) {
				t.Errorf("item %d again or too early", e.OutputIndex)
			}
			ids[e.OutputIndex] = e.Item.ID
		case "response.output_item.done":
			if e.Item.ID != ids[e.OutputIndex] || e.Item.Status != "completed" {
				t.Errorf("%s", e.RawJSON())
			}
		case "response.output_text.delta", "response.reasoning_text.delta", "response.function_call_arguments.delta":
			deltas[e.ItemID] += e.Delta
			if e.ItemID != ids[e.OutputIndex] {
				t.Errorf("%s", e.RawJSON())
			}
		case "response.output_text.done", "response.reasoning_text.done":
			if deltas[e.ItemID] != e.Text {
				t.Errorf("pieces %q, whole %q", deltas[e.ItemID], e.Text)
			}
		case "response.function_call_arguments.done":
			if deltas[e.ItemID] != e.Arguments {
				t.Errorf("pieces %q: %s", deltas[e.ItemID], e.RawJSON())
			}
		case "response.completed":
			for i, x := range e.Response.Output {
				if x.ID != ids[int64(i)] {
					t.Errorf("item %d is %s at the end", i, x.ID)
				}
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	text := func(name string) []string {
		return []string{"response.output_item.added", "response.content_part.added", "response." + name + ".delta", "response." + name + ".done", "response.content_part.done", "response.output_item.done"}
	}
	call := []string{"response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done"}
	want := slices.Concat([]string{"response.created", "response.in_progress"}, text("reasoning_text"), text("output_text"), call, call, []string{"response.completed"})
	if !slices.Equal(order, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
	}
}

// TestProbe answers a request with nothing in it, as Codex sends one to find out who is there.
func TestProbe(t *testing.T) {
	c := client(t, calling(t))
	q := input("")
	q.MaxOutputTokens = openai.Int(1)
	r, err := c.Responses.New(t.Context(), q, option.WithJSONSet("input", []any{}))
	if err != nil || r.Status != "incomplete" {
		t.Errorf("%+v, %v", r, err)
	}
}
