//go:build peers

package openai_test

import (
	"strings"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

func weather() openai.ChatCompletionNewParams {
	q := ask("How is the weather in Rome and in São Paulo?")
	q.MaxTokens = openai.Int(500)
	q.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "get_weather", Description: openai.String("the weather of a place"),
		Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}},
	})}
	return q
}

// TestTools has a model think, ask for functions, and answer with what they gave.
func TestTools(t *testing.T) {
	c := client(t, calling(t))
	q := weather()
	r, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Choices[0].Message
	if r.Choices[0].FinishReason != "tool_calls" || len(m.ToolCalls) != 2 || m.Content != "Let me look." ||
		m.JSON.ExtraFields["reasoning_content"].Raw() != `"They want weather."` {
		t.Fatalf("%s", r.RawJSON())
	}
	q.Messages = append(q.Messages, m.ToParam())
	for i, city := range []string{"Rome", "São Paulo"} {
		f := m.ToolCalls[i]
		if f.Function.Name != "get_weather" || f.Function.Arguments != `{"city":"`+city+`"}` || !strings.HasPrefix(f.ID, "call_") {
			t.Errorf("%s", f.RawJSON())
		}
		q.Messages = append(q.Messages, openai.ToolMessage("sunny, 21 °C", f.ID))
	}
	r, err = c.Chat.Completions.New(t.Context(), q)
	if err != nil || r.Choices[0].Message.Content != "It is sunny, 21 °C." || r.Choices[0].FinishReason != "stop" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestToolStream puts the same message together from a stream.
func TestToolStream(t *testing.T) {
	c := client(t, calling(t))
	stream := c.Chat.Completions.NewStreaming(t.Context(), weather())
	var all openai.ChatCompletionAccumulator
	var thought strings.Builder
	for stream.Next() {
		e := stream.Current()
		all.AddChunk(e)
		if raw := e.Choices[0].Delta.JSON.ExtraFields["reasoning_content"].Raw(); raw != "" {
			thought.WriteString(strings.Trim(raw, `"`))
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	m := all.Choices[0].Message
	if m.Content != "Let me look." || thought.String() != "They want weather." || len(m.ToolCalls) != 2 || m.ToolCalls[1].Function.Arguments != `{"city":"São Paulo"}` ||
		m.ToolCalls[0].ID == m.ToolCalls[1].ID || all.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("thought %q: %s", thought.String(), m.RawJSON())
	}
}

// TestOneCall ends an answer after the first call where one is allowed, and leaves calls as text
// where none is.
func TestOneCall(t *testing.T) {
	c := client(t, calling(t))
	q := weather()
	q.ParallelToolCalls = openai.Bool(false)
	r, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil || len(r.Choices[0].Message.ToolCalls) != 1 || r.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("%+v, %v", r, err)
	}
	q.ToolChoice.OfAuto = openai.String("none")
	r, err = c.Chat.Completions.New(t.Context(), q)
	if err != nil || len(r.Choices[0].Message.ToolCalls) != 0 || !strings.Contains(r.Choices[0].Message.Content, "<tool_call>") || r.Choices[0].FinishReason != "stop" {
		t.Errorf("%+v, %v", r, err)
	}
}
