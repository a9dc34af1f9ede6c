//go:build peers

package openai_test

import (
	"encoding/json"
	"slices"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// TestSchema holds a model that knows no JSON to a schema, whole and as a stream.
func TestSchema(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("Name a king.")
	q.MaxTokens = openai.Int(120)
	q.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "king", Strict: openai.Bool(true),
		Schema: map[string]any{"type": "object", "additionalProperties": false, "required": []string{"mood", "age"}, "properties": map[string]any{
			"mood": map[string]any{"enum": []string{"merry", "grim"}}, "age": map[string]any{"type": "integer", "minimum": 0, "maximum": 99}}}}}
	var stream openai.ChatCompletionAccumulator
	events := c.Chat.Completions.NewStreaming(t.Context(), q)
	for events.Next() {
		stream.AddChunk(events.Current())
	}
	if err := events.Err(); err != nil {
		t.Fatal(err)
	}
	whole, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, choice := range []openai.ChatCompletionChoice{whole.Choices[0], stream.Choices[0]} {
		var king struct {
			Mood string
			Age  int
		}
		if err := json.Unmarshal([]byte(choice.Message.Content), &king); err != nil || !slices.Contains([]string{"merry", "grim"}, king.Mood) || king.Age < 0 || king.Age > 99 || choice.FinishReason != "stop" {
			t.Errorf("%q, %s: %v", choice.Message.Content, choice.FinishReason, err)
		}
	}
}

// TestBias forbids every token but one, and penalties change what is said.
func TestBias(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("What is the matter?")
	q.MaxTokens = openai.Int(60)
	plain, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	q.LogitBias = map[string]int64{"65": 100}
	biased, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	text := biased.Choices[0].Message.Content
	for i := range text {
		if text[i] != text[0] {
			t.Errorf("one token is all that may be drawn: %q", text)
			break
		}
	}
	q.LogitBias, q.FrequencyPenalty = nil, openai.Float(2)
	varied, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil || varied.Choices[0].Message.Content == plain.Choices[0].Message.Content {
		t.Errorf("a penalty changes nothing: %+v, %v", varied, err)
	}
}
