//go:build peers

package openai_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/kvgen/kvgen/runtime/serve/internal/served"
)

func continued(texts ...string) openai.CompletionNewParams {
	return openai.CompletionNewParams{Model: "tiny", MaxTokens: openai.Int(10), Temperature: openai.Float(0), Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: texts}}
}

// TestCompletions continues two texts, each as it is continued alone, whole and as a stream.
func TestCompletions(t *testing.T) {
	c := client(t, served.Options{})
	texts := []string{"KING RICHARD III:\n", "What is the matter?\n"}
	both, err := c.Completions.New(t.Context(), continued(texts...))
	if err != nil || len(both.Choices) != 2 || both.Usage.CompletionTokens != 20 {
		t.Fatalf("%+v, %v", both, err)
	}
	for i, text := range texts {
		q := continued(text)
		q.Echo = openai.Bool(true)
		one, err := c.Completions.New(t.Context(), q)
		if err != nil || one.Choices[0].Text != text+both.Choices[i].Text || one.Choices[0].FinishReason != "length" {
			t.Errorf("%+v, %v: in a group %q", one, err, both.Choices[i].Text)
		}
	}
	stream := c.Completions.NewStreaming(t.Context(), continued(texts...))
	got := make([]string, 2)
	for stream.Next() {
		for _, x := range stream.Current().Choices {
			got[x.Index] += x.Text
		}
	}
	if err := stream.Err(); err != nil || got[0] != both.Choices[0].Text || got[1] != both.Choices[1].Text {
		t.Errorf("as a stream %q, %v", got, err)
	}
}

// TestCompletionTokens continues tokens as the text that they are of, and tells of those drawn.
func TestCompletionTokens(t *testing.T) {
	h, url := served.Start(t, served.Options{})
	c := openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	text := "KING RICHARD III:\n"
	want, err := c.Completions.New(t.Context(), continued(text))
	if err != nil {
		t.Fatal(err)
	}
	q := continued()
	for _, id := range h.Tokenizer.Encode(text, true, true) {
		q.Prompt.OfArrayOfTokens = append(q.Prompt.OfArrayOfTokens, int64(id))
	}
	q.Logprobs = openai.Int(2)
	got, err := c.Completions.New(t.Context(), q)
	if err != nil || got.Choices[0].Text != want.Choices[0].Text {
		t.Fatalf("%+v, %v", got, err)
	}
	l := got.Choices[0].Logprobs
	if strings.Join(l.Tokens, "") != want.Choices[0].Text || len(l.TokenLogprobs) != 10 || len(l.TopLogprobs[3]) != 2 || l.TextOffset[1] != int64(len(l.Tokens[0])) {
		t.Errorf("%s", l.RawJSON())
	}
}

// TestCompletionBytes: tokens that are parts of characters are told apart, whole and as a stream.
func TestCompletionBytes(t *testing.T) {
	c := client(t, served.Options{})
	q := continued("a")
	q.Temperature, q.TopP, q.Seed = openai.Float(100), openai.Float(1), openai.Int(1)
	q.Logprobs, q.MaxTokens = openai.Int(20), openai.Int(100)
	whole, err := c.Completions.New(t.Context(), q, option.WithJSONSet("ignore_eos", true))
	if err != nil {
		t.Fatal(err)
	}
	l := whole.Choices[0].Logprobs
	spelled := 0
	for i, token := range l.Tokens {
		if strings.HasPrefix(token, `bytes:\x`) {
			spelled++
		}
		if strings.Contains(token, "\ufffd") || len(l.TopLogprobs[i]) == 0 {
			t.Errorf("token %d: %q of %v", i, token, l.TopLogprobs[i])
		}
		for other := range l.TopLogprobs[i] {
			if strings.Contains(other, "\ufffd") {
				t.Errorf("beside token %d: %q", i, other)
			}
		}
	}
	if spelled == 0 {
		t.Errorf("none of %q is a part of a character", l.Tokens)
	}
	var tokens []string
	stream := c.Completions.NewStreaming(t.Context(), q, option.WithJSONSet("ignore_eos", true))
	for stream.Next() {
		for _, x := range stream.Current().Choices {
			tokens = append(tokens, x.Logprobs.Tokens...)
		}
	}
	if err := stream.Err(); err != nil || !slices.Equal(tokens, l.Tokens) {
		t.Errorf("as a stream %q, %v", tokens, err)
	}
}

// TestBiasNames: a bias is of a token, by the one name that it has.
func TestBiasNames(t *testing.T) {
	h, url := served.Start(t, served.Options{})
	c := openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	for name, taken := range map[string]bool{"0": true, strconv.Itoa(h.Tokenizer.Len() - 1): true, strconv.Itoa(h.Tokenizer.Len()): false, "-1": false, "01": false, "+1": false, "-0": false, "1.0": false, "": false, "x": false, "4294967297": false} {
		_, err := c.Completions.New(t.Context(), continued("Hello"), option.WithJSONSet("logit_bias", map[string]float64{name: 1}))
		var e *openai.Error
		if taken && err != nil || !taken && (!errors.As(err, &e) || e.StatusCode != 400 || e.Param != "logit_bias") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for value, taken := range map[float64]bool{100: true, -100: true, 100.5: false, -101: false} {
		_, err := c.Completions.New(t.Context(), continued("Hello"), option.WithJSONSet("logit_bias", map[string]float64{"7": value}))
		if taken != (err == nil) {
			t.Errorf("%g: %v", value, err)
		}
	}
}
