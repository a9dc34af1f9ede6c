//go:build peers

package openai_test

import (
	"errors"
	"strings"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

// client is OpenAI's own, of a server with a model.
func client(t *testing.T, o served.Options) openai.Client {
	t.Helper()
	_, url := served.Start(t, o)
	return openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("none"), option.WithMaxRetries(0))
}

func ask(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "tiny", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}, MaxTokens: openai.Int(12), Temperature: openai.Float(0)}
}

// TestModels lists the model by OpenAI's client.
func TestModels(t *testing.T) {
	c := client(t, served.Options{})
	page, err := c.Models.List(t.Context())
	if err != nil || len(page.Data) != 1 || page.Data[0].ID != "tiny" || page.Data[0].Created != 1700000000 {
		t.Errorf("%+v, %v", page, err)
	}
	m, err := c.Models.Get(t.Context(), "tiny")
	if err != nil || m.ID != "tiny" {
		t.Errorf("%+v, %v", m, err)
	}
	var e *openai.Error
	if _, err := c.Models.Get(t.Context(), "other/model"); !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "model_not_found" {
		t.Errorf("another model: %v", err)
	}
}

// TestChat asks for the same answer whole and as a stream.
func TestChat(t *testing.T) {
	c := client(t, served.Options{})
	whole, err := c.Chat.Completions.New(t.Context(), ask("What is the matter?"))
	if err != nil {
		t.Fatal(err)
	}
	choice := whole.Choices[0]
	if choice.Message.Content == "" || choice.FinishReason != "length" || whole.Usage.CompletionTokens != 12 || whole.Usage.PromptTokens == 0 ||
		whole.Usage.TotalTokens != whole.Usage.PromptTokens+12 || !strings.HasPrefix(whole.SystemFingerprint, "kv-") {
		t.Errorf("%s", whole.RawJSON())
	}
	q := ask("What is the matter?")
	q.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.Chat.Completions.NewStreaming(t.Context(), q)
	var all openai.ChatCompletionAccumulator
	pieces := 0
	for stream.Next() {
		pieces++
		if !all.AddChunk(stream.Current()) {
			t.Errorf("a piece that does not fit: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil || pieces < 5 {
		t.Fatalf("%d pieces, %v", pieces, err)
	}
	if got := all.Choices[0]; got.Message.Content != choice.Message.Content || got.FinishReason != "length" || got.Message.Role != "assistant" {
		t.Errorf("as a stream %q, %s; whole %q", got.Message.Content, got.FinishReason, choice.Message.Content)
	}
	if n := all.Usage; n.CompletionTokens != 12 || n.PromptTokensDetails.CachedTokens != whole.Usage.PromptTokens-1 {
		t.Errorf("usage of the second time: %s", n.RawJSON())
	}
}

// TestStop ends answers at a text, at none of whose letters anything is given out.
func TestStop(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("What is the matter?")
	whole, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	text := whole.Choices[0].Message.Content
	at := len(text) / 2
	q.Stop.OfStringArray = []string{"never there", text[at : at+2]}
	cut, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := strings.Cut(text, text[at:at+2])
	if got := cut.Choices[0]; got.Message.Content != want || got.FinishReason != "stop" {
		t.Errorf("%q, %s; want %q of %q", got.Message.Content, got.FinishReason, want, text)
	}
}

// TestSeed draws the same answers again by their seed, and several at once with seeds that count
// up.
func TestSeed(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("Speak.")
	q.Temperature, q.Seed, q.N = openai.Float(1.5), openai.Int(7), openai.Int(3)
	several, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil || len(several.Choices) != 3 {
		t.Fatalf("%+v, %v", several, err)
	}
	if several.Usage.CompletionTokens != 36 {
		t.Errorf("three answers of 12 tokens: %s", several.Usage.RawJSON())
	}
	seen := map[string]bool{}
	for i, want := range several.Choices {
		q.Seed, q.N = openai.Int(7+int64(i)), openai.Int(1)
		one, err := c.Chat.Completions.New(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got := one.Choices[0].Message.Content; got != want.Message.Content || int(want.Index) != i {
			t.Errorf("seed %d: %q, in a group %q", 7+i, got, want.Message.Content)
		}
		seen[want.Message.Content] = true
	}
	if len(seen) < 2 {
		t.Errorf("three seeds gave %v", seen)
	}
}

// TestLogprobs: the most probable token of a greedy answer is the one that was drawn.
func TestLogprobs(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("What is the matter?")
	q.Logprobs, q.TopLogprobs = openai.Bool(true), openai.Int(3)
	r, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, p := range r.Choices[0].Logprobs.Content {
		text.WriteString(p.Token)
		if len(p.TopLogprobs) != 3 || p.TopLogprobs[0].Token != p.Token || p.TopLogprobs[0].Logprob != p.Logprob || p.Logprob > 0 || p.TopLogprobs[1].Logprob < p.TopLogprobs[2].Logprob {
			t.Errorf("%s", p.RawJSON())
		}
	}
	if len(r.Choices[0].Logprobs.Content) != 12 || strings.TrimSpace(text.String()) != strings.TrimSpace(r.Choices[0].Message.Content) {
		t.Errorf("tokens %q, text %q", text.String(), r.Choices[0].Message.Content)
	}
}

// TestHarmless has what changes nothing in a request, and gets an answer.
func TestHarmless(t *testing.T) {
	c := client(t, served.Options{})
	q := ask("Hello")
	q.User, q.Metadata, q.FrequencyPenalty, q.PresencePenalty = openai.String("me"), map[string]string{"a": "b"}, openai.Float(0), openai.Float(0)
	q.Store, q.ServiceTier, q.ParallelToolCalls = openai.Bool(false), "auto", openai.Bool(true)
	q.ResponseFormat.OfText = &openai.ResponseFormatTextParam{}
	q.Messages = append([]openai.ChatCompletionMessageParamUnion{openai.DeveloperMessage("Be brief.")}, q.Messages...)
	if _, err := c.Chat.Completions.New(t.Context(), q); err != nil {
		t.Error(err)
	}
}
