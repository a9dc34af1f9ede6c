package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// responseRequest is the body of POST /v1/responses.
type responseRequest struct {
	Sampling
	Model        string         `json:"model"`
	Input        jsontext.Value `json:"input"`
	Instructions *string        `json:"instructions"`
	Tools        []responseTool `json:"tools"`
	ToolChoice   jsontext.Value `json:"tool_choice"`
	Parallel     *bool          `json:"parallel_tool_calls"`
	MaxTokens    *int64         `json:"max_output_tokens"`
	Reasoning    *reasoning     `json:"reasoning"`
	Text         *textFormat    `json:"text"`
	Metadata     jsontext.Value `json:"metadata"`
	Previous     *string        `json:"previous_response_id"`
	Rest         wire.Fields    `json:",embed"`
}

type reasoning struct {
	Effort  *string     `json:"effort"`
	Summary *string     `json:"summary"`
	Rest    wire.Fields `json:",embed"`
}

type textFormat struct {
	Format    *format `json:"format"`
	Verbosity *string `json:"verbosity"`
}

// responseTool is a tool of the request; functions are honoured.
type responseTool struct {
	Type string `json:"type"`
	function
	Rest wire.Fields `json:",embed"`
}

// responseFields are those of responses alone.
var responseFields = []wire.Field{
	{Name: "include"}, {Name: "client_metadata"},
	{Name: "background", Only: []string{"false"}, Why: "an answer is given to who waits for it"},
	{Name: "conversation", Only: []string{}, Why: "nothing of a conversation is kept: give all of it as input"},
	{Name: "prompt", Only: []string{}, Why: "there are no stored prompts"},
	{Name: "truncation", Only: []string{`"disabled"`}, Why: "an input that is too long is an error"},
	{Name: "top_logprobs", Only: []string{"0"}, Why: "log probabilities are given by chat completions"},
	{Name: "max_tool_calls", Only: []string{}, Why: "no tools are run here"},
	{Name: "context_management", Only: []string{}, Why: "an input is used as it is"},
	{Name: "stream_options"},
}

// elsewhere are tools that OpenAI runs, or whose calls are no functions. A model is told of the
// functions alone, and an answer lists the tools that it was told of.
var elsewhere = []string{"web_search", "web_search_preview", "web_search_2025_08_26", "image_generation", "file_search", "code_interpreter", "computer_use_preview", "computer",
	"mcp", "local_shell", "shell", "custom", "apply_patch", "namespace", "tool_search"}

// read is what the body asks of the model.
func (q *responseRequest) read(ctx context.Context, h *host.Host, client string) (r host.Request, err error) {
	if err := wire.Check(q.Rest, "", harmless, neutral, responseFields); err != nil {
		return r, err
	}
	if q.Previous != nil && *q.Previous != "" {
		return r, &wire.Error{Status: http.StatusBadRequest, Param: "previous_response_id", Code: "previous_response_not_found",
			Message: "previous_response_id: answers are not kept here: give the whole conversation as input"}
	}
	if err := h.Has(q.Model, q.Plan); err != nil {
		return r, err
	}
	c := &chat.Conversation{Generate: true, Variables: map[string]json.RawMessage{}}
	if c.Messages, err = q.conversation(); err != nil {
		return r, err
	}
	if c.Tools, err = q.functions(); err != nil {
		return r, err
	}
	if _, c.Tools, err = choose(q.ToolChoice, c.Tools); err != nil {
		return r, err
	}
	if x := q.Reasoning; x != nil {
		if err := wire.Check(x.Rest, "reasoning.", []wire.Field{{Name: "generate_summary"}, {Name: "context"}}); err != nil {
			return r, err
		}
		if x.Effort != nil {
			c.Variables["reasoning_effort"], _ = json.Marshal(*x.Effort)
		}
	}
	r = host.Request{Conversation: c, Options: h.Default(), Alternatives: -1, OneCall: q.Parallel != nil && !*q.Parallel, Client: client}
	if q.Text != nil {
		if r.Options.Grammar, err = q.Text.Format.grammar(ctx, h, "text.format", len(c.Tools) > 0); err != nil {
			return r, err
		}
	}
	if err := hold(ctx, h, &r, q.ToolChoice); err != nil {
		return r, err
	}
	if err := q.Apply(&r.Options, h.Tokenizer.Len()); err != nil {
		return r, err
	}
	if q.N != nil && *q.N != 1 {
		return r, wire.Invalid("n", "n: a response is one")
	}
	return r, limit(&r.Options, "max_output_tokens", q.MaxTokens)
}

// functions are the tools that the model is told of.
func (q *responseRequest) functions() (all []chat.Tool, err error) {
	if len(q.Tools) > maxTools {
		return nil, wire.Invalid("tools", "tools: %d of them: want at most %d", len(q.Tools), maxTools)
	}
	for i, t := range q.Tools {
		at := fmt.Sprintf("tools.%d", i)
		switch {
		case t.Type == "function":
			one, err := t.function.read(at)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		case !slices.Contains(elsewhere, t.Type):
			return nil, wire.Invalid("tools", "%s: a tool of the type %.32q: functions are supported", at, t.Type)
		}
	}
	return all, nil
}

// item is one of the input.
type item struct {
	Type      string         `json:"type"`
	Role      string         `json:"role"`
	Content   jsontext.Value `json:"content"`
	Summary   jsontext.Value `json:"summary"` // of thinking
	CallID    string         `json:"call_id"`
	Name      string         `json:"name"`
	Arguments string         `json:"arguments"`
	Output    jsontext.Value `json:"output"`
	Rest      wire.Fields    `json:",embed"`
}

// itemFields are those of an item that say nothing to a model.
var itemFields = []wire.Field{{Name: "id"}, {Name: "status"}, {Name: "encrypted_content"}, {Name: "phase"}, {Name: "namespace", Only: []string{}, Why: "functions have no namespace here"}}

// conversation is what the input means to a template.
func (q *responseRequest) conversation() ([]chat.Message, error) {
	c := &inputs{}
	if q.Instructions != nil && *q.Instructions != "" {
		c.all = append(c.all, chat.Message{Role: "system", Content: *q.Instructions})
	}
	var items []item
	switch {
	case q.Input.Kind() == '"':
		c.all = append(c.all, chat.Message{Role: "user", Content: text(q.Input)})
	case q.Input.Kind() == '[' && unmarshal(q.Input, &items) == nil:
	default:
		return nil, wire.Invalid("input", "input: want a text or a list of items")
	}
	if len(items) > maxMessages {
		return nil, wire.Invalid("input", "input: %d items: want at most %d", len(items), maxMessages)
	}
	for i := range items {
		if err := c.add(&items[i], fmt.Sprintf("input.%d", i)); err != nil {
			return nil, err
		}
	}
	if len(c.all) == 0 { // as Codex asks whether there is a model
		c.all = append(c.all, chat.Message{Role: "user"})
	}
	return c.all, nil
}

// inputs makes messages of items: thinking, words and calls that follow each other are one message.
type inputs struct {
	all     []chat.Message
	thought string // of the message that follows
}

// answer is the message of the model that an item belongs to.
func (c *inputs) answer(words bool) *chat.Message {
	n := len(c.all)
	if n == 0 || c.all[n-1].Role != "assistant" || c.thought != "" || words && (c.all[n-1].Content != "" || len(c.all[n-1].ToolCalls) > 0) {
		c.all = append(c.all, chat.Message{Role: "assistant", Reasoning: c.thought})
		c.thought = ""
	}
	return &c.all[len(c.all)-1]
}

func (c *inputs) add(x *item, at string) error {
	if err := wire.Check(x.Rest, at+".", itemFields); err != nil {
		return err
	}
	switch x.Type {
	case "", "message":
		return c.message(x, at)
	case "reasoning":
		words, err := content(x.Content, at+".content", "reasoning_text")
		if err == nil && words == "" {
			words, err = content(x.Summary, at+".summary", "summary_text")
		}
		c.thought += words
		return err
	case "function_call":
		m := c.answer(false)
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: x.CallID, Name: x.Name, Arguments: x.Arguments})
		return nil
	case "function_call_output":
		words, err := content(x.Output, at+".output")
		c.all = append(c.all, chat.Message{Role: "tool", Content: words, ToolCallID: x.CallID, Name: c.called(x.CallID)})
		return err
	}
	return wire.Invalid(at+".type", "%s: an item of the type %.32q is not supported", at, x.Type)
}

func (c *inputs) message(x *item, at string) error {
	words, err := content(x.Content, at+".content")
	if err != nil {
		return err
	}
	switch x.Role {
	case "assistant":
		c.answer(true).Content += words
	case "system", "developer":
		if n := len(c.all); n > 0 && c.all[n-1].Role == "system" { // templates know one
			c.all[n-1].Content += "\n\n" + words
			return nil
		}
		c.all = append(c.all, chat.Message{Role: "system", Content: words})
	case "user":
		c.all = append(c.all, chat.Message{Role: "user", Content: words})
	default:
		return wire.Invalid(at+".role", "%s.role: %.32q: want one of user, assistant, system, developer", at, x.Role)
	}
	return nil
}

// called is the function that a call is of, "" where it is not known.
func (c *inputs) called(id string) string {
	for _, m := range slices.Backward(c.all) {
		for _, call := range m.ToolCalls {
			if call.ID == id {
				return call.Name
			}
		}
	}
	return ""
}

// respond answers an input.
func (a *API) respond(w http.ResponseWriter, r *http.Request) error {
	var q responseRequest
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	request, err := q.read(r.Context(), a.Host, wire.Client(r))
	if err != nil {
		return err
	}
	answer, err := a.Host.Start(r.Context(), request)
	if err != nil {
		return err
	}
	defer answer.Close()
	out := &responding{head: q.head(a.Host, request)}
	if q.Stream {
		out.Stream = wire.Events(w, a.Ping)
		defer out.Stream.Close()
	}
	if err := out.run(answer); err != nil {
		if out.Stream == nil || !out.Begun() {
			return err
		}
		if err = wire.Told(r, err); err != nil {
			out.fail(err)
		}
		return nil
	}
	if out.Stream == nil {
		wire.JSON(w, http.StatusOK, out.head)
	}
	return nil
}
