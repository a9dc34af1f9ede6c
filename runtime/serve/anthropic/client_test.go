//go:build peers

package anthropic_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	anthropic "github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// client is Anthropic's own, of a server with a model.
func client(t *testing.T, o served.Options) anthropic.Client {
	t.Helper()
	_, url := served.Start(t, o)
	return anthropic.NewClient(option.WithBaseURL(url), option.WithAPIKey("none"), option.WithMaxRetries(0))
}

func ask(text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: "tiny", MaxTokens: 12, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

func weather() anthropic.MessageNewParams {
	q := ask("How is the weather in São Paulo?")
	q.MaxTokens = 500
	q.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", Description: anthropic.String("the weather of a place"),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}}}}}
	return q
}

// TestMessage asks the embedded model, twice: the second time its prompt is in the cache.
func TestMessage(t *testing.T) {
	c := client(t, served.Options{})
	first, err := c.Messages.New(t.Context(), ask("What is the matter?"))
	if err != nil {
		t.Fatal(err)
	}
	if first.StopReason != "max_tokens" || len(first.Content) != 1 || first.Content[0].Text == "" || first.Usage.OutputTokens != 12 || first.Usage.InputTokens == 0 {
		t.Errorf("%s", first.RawJSON())
	}
	again, err := c.Messages.New(t.Context(), ask("What is the matter?"))
	if err != nil || again.Usage.InputTokens != 1 || again.Usage.CacheReadInputTokens != first.Usage.InputTokens-1 || again.Content[0].Text != first.Content[0].Text {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestStopSequence says which text ended the answer.
func TestStopSequence(t *testing.T) {
	c := client(t, calling(t))
	q := ask("Hello")
	q.MaxTokens = 100
	q.StopSequences = []string{"never", "me loo"}
	m, err := c.Messages.New(t.Context(), q)
	if err != nil || m.StopReason != "stop_sequence" || m.StopSequence != "me loo" || m.Content[len(m.Content)-1].Text != "Let " {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestTools has a model think, use a tool, and answer with its result.
func TestTools(t *testing.T) {
	c := client(t, calling(t))
	q := weather()
	m, err := c.Messages.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 3 || m.Content[0].Thinking != "They want weather." || m.Content[1].Text != "Let me look." || m.Content[2].Name != "get_weather" ||
		string(m.Content[2].Input) != `{"city":"São Paulo"}` || m.StopReason != "tool_use" {
		t.Fatalf("%s", m.RawJSON())
	}
	q.Messages = append(q.Messages, m.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(m.Content[2].ID, "sunny", false)))
	m, err = c.Messages.New(t.Context(), q)
	if err != nil || len(m.Content) != 1 || m.Content[0].Text != "It is sunny, 21 °C." || m.StopReason != "end_turn" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestEvents: each block is closed before the next is opened, and the events make the message that
// comes whole.
func TestEvents(t *testing.T) {
	c := client(t, calling(t))
	whole, err := c.Messages.New(t.Context(), weather())
	if err != nil {
		t.Fatal(err)
	}
	stream := c.Messages.NewStreaming(t.Context(), weather())
	var got anthropic.Message
	var order []string
	open := int64(-1)
	for stream.Next() {
		e := stream.Current()
		if err := got.Accumulate(e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "content_block_start":
			if open >= 0 {
				t.Errorf("block %d begins while %d is open", e.Index, open)
			}
			open = e.Index
			order = append(order, "start "+e.ContentBlock.Type)
			continue
		case "content_block_stop":
			if e.Index != open {
				t.Errorf("block %d ends, and %d is open", e.Index, open)
			}
			open = -1
		}
		if len(order) == 0 || order[len(order)-1] != e.Type {
			order = append(order, e.Type)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	block := func(kind string) []string {
		return []string{"start " + kind, "content_block_delta", "content_block_stop"}
	}
	want := slices.Concat([]string{"message_start"}, block("thinking"), block("text"), block("tool_use"), []string{"message_delta", "message_stop"})
	if !slices.Equal(order, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
	}
	for i, x := range whole.Content {
		y := got.Content[i]
		if x.Type != y.Type || x.Text != y.Text || x.Thinking != y.Thinking || x.Name != y.Name || string(x.Input) != string(y.Input) {
			t.Errorf("block %d: %+v, whole %+v", i, y, x)
		}
	}
	if got.StopReason != "tool_use" || got.Usage.OutputTokens != whole.Usage.OutputTokens {
		t.Errorf("%s, %d tokens; whole %d", got.StopReason, got.Usage.OutputTokens, whole.Usage.OutputTokens)
	}
}

// TestBilling: a header that changes with every request is no part of the prompt, which is found in
// the cache therefore.
func TestBilling(t *testing.T) {
	c := client(t, served.Options{})
	system := func(header string) anthropic.MessageNewParams {
		q := ask("What is the matter?")
		q.System = []anthropic.TextBlockParam{{Text: header}, {Text: "You are a king."}}
		return q
	}
	first, err := c.Messages.New(t.Context(), system("x-anthropic-billing-header: cc_version=2.1.36; cch=abc12;"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Messages.New(t.Context(), system("x-anthropic-billing-header: cc_version=2.1.36; cch=ffe01;"))
	if err != nil || second.Usage.InputTokens != 1 || second.Usage.CacheReadInputTokens != first.Usage.InputTokens-1 {
		t.Errorf("%+v, %v; the first time %d tokens", second, err, first.Usage.InputTokens)
	}
	other, err := c.Messages.New(t.Context(), system("Say x-anthropic-billing-header: a."))
	if err != nil || other.Usage.CacheReadInputTokens > first.Usage.InputTokens/2 {
		t.Errorf("a text that speaks of the header is a prompt: %+v, %v", other, err)
	}
}

// TestCount counts the tokens that a message then takes.
func TestCount(t *testing.T) {
	c := client(t, calling(t))
	q := weather()
	n, err := c.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: "tiny", Messages: q.Messages, Tools: []anthropic.MessageCountTokensToolUnionParam{{OfTool: q.Tools[0].OfTool}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Messages.New(t.Context(), q)
	if err != nil || m.Usage.InputTokens != n.InputTokens {
		t.Errorf("counted %d; %+v, %v", n.InputTokens, m, err)
	}
}

// TestForced has random weights call a function: its input is valid by the schema.
func TestForced(t *testing.T) {
	c := client(t, served.Options{Size: 4096, Model: served.Random(t, served.ParrotTemplate)})
	q := weather()
	q.MaxTokens = 3000
	q.Tools[0].OfTool.InputSchema.Properties = map[string]any{"city": map[string]any{"type": "string", "minLength": 2, "maxLength": 9}}
	q.Tools[0].OfTool.InputSchema.ExtraFields = map[string]any{"additionalProperties": false}
	for range 4 {
		for _, choice := range []map[string]any{{"type": "any", "disable_parallel_tool_use": true}, {"type": "tool", "name": "get_weather"}} {
			r, err := c.Messages.New(t.Context(), q, option.WithJSONSet("tool_choice", choice))
			if err != nil {
				t.Fatal(err)
			}
			if r.StopReason != "tool_use" || len(r.Content) != 1 || r.Content[0].Name != "get_weather" {
				t.Fatalf("%v: %s", choice, r.RawJSON())
			}
			var input map[string]string
			if err := json.Unmarshal(r.Content[0].Input, &input); err != nil || len(input) != 1 || len([]rune(input["city"])) < 2 || len([]rune(input["city"])) > 9 {
				t.Errorf("%v: %s, %v", choice, r.RawJSON(), err)
			}
		}
	}
}

// TestStrict holds the input of a function that is strict to its schema.
func TestStrict(t *testing.T) {
	c := client(t, served.Options{Size: 2048, Model: served.Parrot(t, "Look."+`<tool_call>`+"\n"+`{"name": "get_weather", "arguments": {"city": 5}}`, "-")})
	q := weather()
	q.MaxTokens = 1500
	q.Tools[0].OfTool.InputSchema.Properties = map[string]any{"city": map[string]any{"enum": []string{"Rome", "Oslo"}}}
	q.Tools[0].OfTool.InputSchema.ExtraFields = map[string]any{"additionalProperties": false}
	r, err := c.Messages.New(t.Context(), q, option.WithJSONSet("tools.0.strict", true), option.WithJSONSet("tool_choice", map[string]any{"type": "auto", "disable_parallel_tool_use": true}))
	if err != nil {
		t.Fatal(err)
	}
	var input map[string]string
	if len(r.Content) != 2 || r.Content[0].Text != "Look." || json.Unmarshal(r.Content[1].Input, &input) != nil || input["city"] != "Rome" && input["city"] != "Oslo" {
		t.Errorf("%s", r.RawJSON())
	}
}
