package anthropic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// request is the body of POST /v1/messages and of its count of tokens.
type request struct {
	Model       string         `json:"model"`
	MaxTokens   *int64         `json:"max_tokens"`
	Messages    []message      `json:"messages"`
	System      jsontext.Value `json:"system"`
	Stop        []string       `json:"stop_sequences"`
	Stream      bool           `json:"stream"`
	Temperature *float64       `json:"temperature"`
	TopK        *int           `json:"top_k"`
	TopP        *float64       `json:"top_p"`
	Tools       []tool         `json:"tools"`
	ToolChoice  *toolChoice    `json:"tool_choice"`
	Thinking    *thinking      `json:"thinking"`
	Output      *outputConfig  `json:"output_config"`
	Format      *outputFormat  `json:"output_format"` // its older name
	Rest        wire.Fields    `json:",embed"`
}

type message struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

type tool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      jsontext.Value `json:"input_schema"`
	Strict      bool           `json:"strict"`
	Rest        wire.Fields    `json:",embed"`
}

type toolChoice struct {
	Type string `json:"type"`
	Name string `json:"name"`
	One  bool   `json:"disable_parallel_tool_use"`
}

type thinking struct {
	Type    string `json:"type"`
	Budget  *int64 `json:"budget_tokens"`
	Display string `json:"display"`
}

type outputConfig struct {
	Effort string        `json:"effort"`
	Format *outputFormat `json:"format"`
	Rest   wire.Fields   `json:",embed"`
}

type outputFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema"`
}

// block is a part of a message's content.
type block struct {
	Type      string         `json:"type"`
	Text      string         `json:"text"`
	Thinking  string         `json:"thinking"`
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Input     jsontext.Value `json:"input"`
	ToolUseID string         `json:"tool_use_id"`
	Content   jsontext.Value `json:"content"`
	Data      string         `json:"data"`
	Rest      wire.Fields    `json:",embed"`
}

// Bounds of a request.
const (
	maxMessages = 1 << 14
	maxTools    = 512
	maxName     = 128 // bytes of a tool's name
	maxStops    = 16
	maxStop     = 1024 // bytes
)

// read is what the body asks of the model.
func (q *request) read(ctx context.Context, h *host.Host, client string) (r host.Request, err error) {
	if err := h.Known(q.Model); err != nil {
		return r, err
	}
	if err := wire.Check(q.Rest, "", requestFields); err != nil {
		return r, err
	}
	c := &chat.Conversation{Generate: true, Variables: map[string]json.RawMessage{}}
	r = host.Request{Conversation: c, Options: h.Default(), Alternatives: -1, Client: client}
	if c.Messages, err = q.conversation(); err != nil {
		return r, err
	}
	if c.Tools, err = q.functions(); err != nil {
		return r, err
	}
	choice, err := q.choose(&r)
	if err != nil {
		return r, err
	}
	if err := q.think(c); err != nil {
		return r, err
	}
	if err := q.format(ctx, h, &r); err != nil {
		return r, err
	}
	if err := h.Hold(ctx, &r, choice); err != nil {
		return r, err
	}
	return r, q.sample(&r)
}

// sample sets how tokens are drawn, and when the answer ends.
func (q *request) sample(r *host.Request) error {
	x := &r.Options.Sampling
	for _, f := range []struct {
		name      string
		value, to *float64
	}{{"temperature", q.Temperature, &x.Temperature}, {"top_p", q.TopP, &x.TopP}} {
		if f.value == nil {
			continue
		}
		if !(*f.value >= 0 && *f.value <= 1) {
			return wire.Invalid(f.name, "%s: %g: want 0 to 1", f.name, *f.value)
		}
		*f.to = *f.value
	}
	if q.TopK != nil {
		if *q.TopK < 0 || *q.TopK > 1<<24 {
			return wire.Invalid("top_k", "top_k: %d: want 0 to %d", *q.TopK, 1<<24)
		}
		x.TopK = *q.TopK
	}
	x.Seed = host.RandomSeed()
	if len(q.Stop) > maxStops {
		return wire.Invalid("stop_sequences", "stop_sequences: %d of them: want at most %d", len(q.Stop), maxStops)
	}
	for _, s := range q.Stop {
		if s == "" || len(s) > maxStop {
			return wire.Invalid("stop_sequences", "stop_sequences: a text of %d bytes: want 1 to %d", len(s), maxStop)
		}
	}
	r.Options.Stop = q.Stop
	if q.MaxTokens != nil {
		if *q.MaxTokens < 1 {
			return wire.Invalid("max_tokens", "max_tokens: %d: want 1 or more", *q.MaxTokens)
		}
		r.Options.Limit = int(min(*q.MaxTokens, 1<<30))
	}
	return nil
}

// functions are the tools of the request. Those that Anthropic runs are not here.
func (q *request) functions() (all []chat.Tool, err error) {
	if len(q.Tools) > maxTools {
		return nil, wire.Invalid("tools", "tools: %d of them: want at most %d", len(q.Tools), maxTools)
	}
	for i, t := range q.Tools {
		at := fmt.Sprintf("tools.%d", i)
		switch {
		case t.Type != "" && t.Type != "custom":
			return nil, wire.Invalid(at, "%s: a tool of the type %.32q: only tools of the client are supported", at, t.Type)
		case t.Name == "" || len(t.Name) > maxName:
			return nil, wire.Invalid(at+".name", "%s.name: want 1 to %d bytes", at, maxName)
		case t.Schema.Kind() != '{':
			return nil, wire.Invalid(at+".input_schema", "%s.input_schema: want a JSON schema", at)
		}
		if err := wire.Check(t.Rest, at+".", toolFields); err != nil {
			return nil, err
		}
		all = append(all, chat.Tool{Name: t.Name, Description: t.Description, Parameters: []byte(t.Schema), Strict: t.Strict})
	}
	return all, nil
}

// choose is what the request wants of calls. It takes tools away where none may be used.
func (q *request) choose(r *host.Request) (c host.Choice, err error) {
	x := q.ToolChoice
	if x == nil {
		return c, nil
	}
	r.OneCall = x.One
	switch {
	case x.Type == "auto":
	case x.Type == "any":
		c.Required = true
	case x.Type == "tool" && x.Name != "":
		c.Name = x.Name
	case x.Type == "none":
		r.Conversation.Tools, r.OneCall = nil, false
	default:
		return c, wire.Invalid("tool_choice", `tool_choice: %.32q: want "auto", "any", "none" or "tool" with its name`, x.Type)
	}
	return c, nil
}

// think tells the template whether the model shall think.
func (q *request) think(c *chat.Conversation) error {
	if q.Output != nil {
		if err := wire.Check(q.Output.Rest, "output_config."); err != nil {
			return err
		}
		if q.Output.Effort != "" {
			c.Variables["reasoning_effort"], _ = json.Marshal(q.Output.Effort)
		}
	}
	if q.Thinking == nil {
		return nil
	}
	switch q.Thinking.Type {
	case "enabled", "adaptive":
		c.Variables["enable_thinking"] = json.RawMessage("true")
	case "disabled":
		c.Variables["enable_thinking"] = json.RawMessage("false")
	default:
		return wire.Invalid("thinking", `thinking: %.32q: want "enabled", "adaptive" or "disabled"`, q.Thinking.Type)
	}
	return nil
}

// format holds the answer to a schema.
func (q *request) format(ctx context.Context, h *host.Host, r *host.Request) (err error) {
	f, param := q.Format, "output_format"
	if q.Output != nil && q.Output.Format != nil {
		f, param = q.Output.Format, "output_config.format"
	}
	switch {
	case f == nil:
		return nil
	case f.Type != "json_schema" || len(f.Schema) == 0:
		return wire.Invalid(param, "%s: want json_schema with a schema", param)
	case len(r.Conversation.Tools) > 0:
		return wire.Invalid(param, "%s: an answer that may call tools cannot be held to a format", param)
	}
	r.Options.Grammar, err = h.Grammar(ctx, param, f.Schema)
	return err
}

// conversation is what the messages mean to a template.
func (q *request) conversation() ([]chat.Message, error) {
	if n := len(q.Messages); n == 0 || n > maxMessages {
		return nil, wire.Invalid("messages", "messages: %d of them: want 1 to %d", n, maxMessages)
	}
	var all []chat.Message
	system, err := systemText(q.System)
	if err != nil {
		return nil, err
	}
	if system != "" {
		all = append(all, chat.Message{Role: "system", Content: system})
	}
	called := map[string]string{} // functions by the ids of their calls
	for i, m := range q.Messages {
		at := fmt.Sprintf("messages.%d", i)
		blocks, err := blocksOf(m.Content, at+".content")
		if err != nil {
			return nil, err
		}
		switch m.Role {
		case "user":
			more, err := userTurns(blocks, at, called)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		case "assistant":
			turn, err := assistantTurn(blocks, at)
			if err != nil {
				return nil, err
			}
			for _, c := range turn.ToolCalls {
				called[c.ID] = c.Name
			}
			if i == len(q.Messages)-1 {
				return nil, wire.Invalid("messages", "messages: the last is the assistant's: an answer cannot be begun by the client")
			}
			all = append(all, turn)
		case "system":
			words, err := texts(blocks, at)
			if err != nil {
				return nil, err
			}
			all = append(all, chat.Message{Role: "system", Content: words})
		default:
			return nil, wire.Invalid(at+".role", `%s.role: %.32q: want "user" or "assistant"`, at, m.Role)
		}
	}
	return all, nil
}

// billing begins a text that tools put before the system prompt. It changes with every request.
const billing = "x-anthropic-billing-header"

// systemText is the system prompt: a text, or a list of blocks of text.
func systemText(v jsontext.Value) (string, error) {
	blocks, err := blocksOf(v, "system")
	if err != nil {
		return "", err
	}
	var parts []string
	for i, b := range blocks {
		if b.Type != "text" {
			return "", wire.Invalid("system", "system.%d: a block of the type %.32q: want text", i, b.Type)
		}
		if text := unbilled(b.Text); text != "" || b.Text == "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n\n"), nil
}

// unbilled is a text without the billing header at its beginning, which is a line.
func unbilled(text string) string {
	if len(text) < len(billing) || !strings.EqualFold(text[:len(billing)], billing) {
		return text
	}
	_, rest, _ := strings.Cut(text, "\n")
	return strings.TrimLeft(rest, "\r\n")
}

// blockTypes are the blocks of content that are read.
var blockTypes = []string{"text", "thinking", "redacted_thinking", "tool_use", "tool_result"}

// blocksOf is content: a text, or a list of blocks.
func blocksOf(v jsontext.Value, at string) (all []block, err error) {
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return nil, nil
	case v.Kind() == '"':
		var text string
		if err := jsonv2.Unmarshal(v, &text); err != nil {
			return nil, wire.Invalid(at, "%s: want a text", at)
		}
		return []block{{Type: "text", Text: text}}, nil
	case v.Kind() == '[' && jsonv2.Unmarshal(v, &all) == nil:
	default:
		return nil, wire.Invalid(at, "%s: want a text or a list of blocks", at)
	}
	for i, b := range all {
		if !slices.Contains(blockTypes, b.Type) {
			return nil, wire.Invalid(at, "%s.%d: a block of the type %.32q: the model reads text only", at, i, b.Type)
		}
		if err := wire.Check(b.Rest, fmt.Sprintf("%s.%d.", at, i), blockFields); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// texts is blocks that are all text.
func texts(blocks []block, at string) (string, error) {
	var b strings.Builder
	for i, x := range blocks {
		if x.Type != "text" {
			return "", wire.Invalid(at, "%s.%d: a block of the type %.32q: the model reads text only", at, i, x.Type)
		}
		b.WriteString(x.Text)
	}
	return b.String(), nil
}

// userTurns are the results of functions that a message has, and what the user says.
func userTurns(blocks []block, at string, called map[string]string) (all []chat.Message, err error) {
	var words []block
	for i, b := range blocks {
		if b.Type != "tool_result" {
			words = append(words, b)
			continue
		}
		place := fmt.Sprintf("%s.content.%d", at, i)
		inner, err := blocksOf(b.Content, place+".content")
		if err != nil {
			return nil, err
		}
		text, err := texts(inner, place+".content")
		if err != nil {
			return nil, err
		}
		all = append(all, chat.Message{Role: "tool", Content: text, ToolCallID: b.ToolUseID, Name: called[b.ToolUseID]})
	}
	text, err := texts(words, at+".content")
	if err == nil && (len(words) > 0 || len(all) == 0) {
		all = append(all, chat.Message{Role: "user", Content: text})
	}
	return all, err
}

// assistantTurn is what the model said before.
func assistantTurn(blocks []block, at string) (m chat.Message, err error) {
	m.Role = "assistant"
	for i, b := range blocks {
		switch b.Type {
		case "text":
			m.Content += b.Text
		case "thinking":
			m.Reasoning += b.Thinking
		case "redacted_thinking":
		case "tool_use":
			input := string(b.Input)
			if b.Input.Kind() != '{' {
				return m, wire.Invalid(at, "%s.content.%d.input: want an object", at, i)
			}
			m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: b.ID, Name: b.Name, Arguments: input})
		default:
			return m, wire.Invalid(at, "%s.content.%d: a block of the type %.32q is not supported", at, i, b.Type)
		}
	}
	return m, nil
}
