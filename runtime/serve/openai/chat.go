package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	Sampling
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	Tools               []tool         `json:"tools"`
	ToolChoice          jsontext.Value `json:"tool_choice"`
	Parallel            *bool          `json:"parallel_tool_calls"`
	MaxTokens           *int64         `json:"max_tokens"`
	MaxCompletionTokens *int64         `json:"max_completion_tokens"`
	Logprobs            bool           `json:"logprobs"`
	TopLogprobs         *int           `json:"top_logprobs"`
	ResponseFormat      *format        `json:"response_format"`
	Effort              jsontext.Value `json:"reasoning_effort"`
	Variables           wire.Fields    `json:"chat_template_kwargs"`
	Rest                wire.Fields    `json:",embed"`
}

// completion is an answer to a conversation on the wire, or a piece of one.
type completion struct {
	ID          string   `json:"id"`
	Object      string   `json:"object"`
	Created     int64    `json:"created"`
	Model       string   `json:"model"`
	Fingerprint string   `json:"system_fingerprint"`
	Choices     []choice `json:"choices"`
	Usage       *usage   `json:"usage,omitzero"`
}

type choice struct {
	Index    int       `json:"index"`
	Message  *said     `json:"message,omitzero"` // of a whole answer
	Delta    *delta    `json:"delta,omitzero"`   // of a piece
	Logprobs *logprobs `json:"logprobs"`
	Finish   *string   `json:"finish_reason"`
}

// said is a whole message.
type said struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"`
	Reasoning string     `json:"reasoning_content,omitzero"`
	ToolCalls []toolCall `json:"tool_calls,omitzero"`
}

// delta is what a piece adds to a message.
type delta struct {
	Role      string     `json:"role,omitzero"`
	Content   *string    `json:"content,omitzero"`
	Reasoning string     `json:"reasoning_content,omitzero"`
	ToolCalls []toolCall `json:"tool_calls,omitzero"`
}

// read is what the body asks of the model, and how many times.
func (q *chatRequest) read(ctx context.Context, h *host.Host, client string) (r host.Request, n int, err error) {
	if err := wire.Check(q.Rest, "", harmless, neutral, chatFields); err != nil {
		return r, 0, err
	}
	if err := h.Has(q.Model, q.Plan); err != nil {
		return r, 0, err
	}
	c, err := q.conversation()
	if err != nil {
		return r, 0, err
	}
	r = host.Request{Conversation: c, Options: h.Default(), OneCall: q.Parallel != nil && !*q.Parallel, Client: client}
	if r.Options.Grammar, err = q.ResponseFormat.grammar(ctx, h, "response_format", len(c.Tools) > 0); err != nil {
		return r, 0, err
	}
	if err := hold(ctx, h, &r, q.ToolChoice); err != nil {
		return r, 0, err
	}
	if err := q.Apply(&r.Options, h.Tokenizer.Len()); err != nil {
		return r, 0, err
	}
	if err := limit(&r.Options, "max_tokens", q.MaxTokens); err != nil {
		return r, 0, err
	}
	if err := limit(&r.Options, "max_completion_tokens", q.MaxCompletionTokens); err != nil {
		return r, 0, err
	}
	if r.Alternatives, err = q.alternatives(); err != nil {
		return r, 0, err
	}
	n, err = q.choices()
	return r, n, err
}

// conversation is what the messages and tools mean to a template.
func (q *chatRequest) conversation() (c *chat.Conversation, err error) {
	c = &chat.Conversation{Generate: true}
	if c.Messages, err = conversation(q.Messages); err != nil {
		return nil, err
	}
	if c.Tools, err = functions(q.Tools); err != nil {
		return nil, err
	}
	if _, c.Tools, err = choose(q.ToolChoice, c.Tools); err != nil {
		return nil, err
	}
	c.Variables, err = q.variables()
	return c, err
}

// ReadConversation is the conversation in the body of a request for a chat completion, of which
// nothing else counts.
func ReadConversation(w http.ResponseWriter, r *http.Request, limits wire.Limits) (*chat.Conversation, error) {
	var q struct {
		chatRequest
		Generate *bool `json:"add_generation_prompt"`
	}
	if err := limits.Read(w, r, &q); err != nil {
		return nil, err
	}
	if err := wire.Check(q.Rest, "", harmless, neutral, chatFields); err != nil {
		return nil, err
	}
	c, err := q.conversation()
	if err == nil && q.Generate != nil {
		c.Generate = *q.Generate
	}
	return c, err
}

// variables are what the template is given beside the conversation.
func (q *chatRequest) variables() (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, v := range q.Variables {
		out[name] = json.RawMessage(v)
	}
	switch q.Effort.Kind() {
	case '"':
		out["reasoning_effort"] = json.RawMessage(q.Effort)
	default:
		if len(q.Effort) > 0 && q.Effort.Kind() != 'n' {
			return nil, wire.Invalid("reasoning_effort", "reasoning_effort: want a word")
		}
	}
	return out, nil
}

func (q *chatRequest) alternatives() (int, error) {
	switch top := q.TopLogprobs; {
	case !q.Logprobs && top != nil && *top > 0:
		return 0, wire.Invalid("top_logprobs", "top_logprobs: only with logprobs")
	case !q.Logprobs:
		return -1, nil
	case top == nil:
		return 0, nil
	case *top < 0 || *top > maxTop:
		return 0, wire.Invalid("top_logprobs", "top_logprobs: %d: want 0 to %d", *top, maxTop)
	default:
		return *top, nil
	}
}

// chat answers a conversation.
func (a *API) chat(w http.ResponseWriter, r *http.Request) error {
	var q chatRequest
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	request, n, err := q.read(r.Context(), a.Host, wire.Client(r))
	if err != nil {
		return err
	}
	answers, err := a.Host.StartAll(r.Context(), request, n)
	if err != nil {
		return err
	}
	defer host.CloseAll(answers)
	head := completion{ID: host.NewID("chatcmpl-"), Object: "chat.completion", Created: time.Now().Unix(), Model: a.Host.Name, Fingerprint: a.Host.PlanID()}
	if q.Stream {
		return a.streamChat(w, r, head, answers, q.usage())
	}
	head.Usage = &usage{}
	for i, answer := range answers {
		c, result, err := whole(answer)
		if err != nil {
			return err
		}
		c.Index = i
		head.Choices = append(head.Choices, c)
		head.Usage.add(answer, result)
	}
	wire.JSON(w, http.StatusOK, head)
	return nil
}

// whole waits for an answer.
func whole(answer *host.Answer) (c choice, r host.Result, err error) {
	var content, reasoning strings.Builder
	c.Message = &said{Role: "assistant"}
	for e := range answer.Events() {
		for _, p := range e.Parts {
			switch p.Kind {
			case chat.Content:
				content.WriteString(p.Text)
			case chat.Reasoning:
				reasoning.WriteString(p.Text)
			case chat.Call:
				c.Message.ToolCalls = append(c.Message.ToolCalls, called(p.Call))
			}
		}
		c.Logprobs = c.Logprobs.add(e.Tokens)
	}
	if r, err = answer.Result(); err != nil {
		return c, r, err
	}
	c.Message.Reasoning = reasoning.String()
	if text := content.String(); text != "" || len(c.Message.ToolCalls) == 0 {
		c.Message.Content = &text
	}
	why := finish(r)
	c.Finish = &why
	return c, r, nil
}

// called is a call on the wire.
func called(c chat.ToolCall) (out toolCall) {
	out.ID, out.Type = c.ID, "function"
	if out.ID == "" {
		out.ID = host.NewID("call_")
	}
	out.Function.Name, out.Function.Arguments = c.Name, c.Arguments
	return out
}

// logprobs are the log probabilities of tokens, nil for none.
type logprobs struct {
	Content []tokenLogprob `json:"content"`
	Refusal *string        `json:"refusal"` // always null: a refusal is content
}

type tokenLogprob struct {
	topLogprob
	Top []topLogprob `json:"top_logprobs"`
}

type topLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

func (l *logprobs) add(tokens []host.Token) *logprobs {
	if len(tokens) == 0 {
		return l
	}
	if l == nil {
		l = &logprobs{}
	}
	for _, t := range tokens {
		one := tokenLogprob{topLogprob: likely(t), Top: []topLogprob{}}
		for _, x := range t.Top {
			one.Top = append(one.Top, likely(x))
		}
		l.Content = append(l.Content, one)
	}
	return l
}

func likely(t host.Token) topLogprob {
	out := topLogprob{Token: t.Text, Logprob: t.Logprob, Bytes: []int{}}
	for _, b := range []byte(t.Text) {
		out.Bytes = append(out.Bytes, int(b))
	}
	return out
}
