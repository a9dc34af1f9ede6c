package ollama

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

// common are the fields of a chat and of a text.
type common struct {
	Model   string         `json:"model"`
	Stream  *bool          `json:"stream"`
	Format  jsontext.Value `json:"format"`
	Options options        `json:"options"`
	Think   jsontext.Value `json:"think"`
	Rest    wire.Fields    `json:",embed"`
}

// requestFields are those that change nothing, or must not.
var requestFields = []wire.Field{
	{Name: "keep_alive"}, // the model stays
	{Name: "truncate"}, {Name: "shift", Only: []string{"false"}, Why: "nothing of a text is dropped"},
	{Name: "images", Only: []string{"[]"}, Why: "the model reads text only"},
	{Name: "suffix", Only: []string{`""`}, Why: "a text is continued at its end only"},
	{Name: "template", Only: []string{`""`}, Why: "no template comes from a request"},
	{Name: "context", Only: []string{"[]"}, Why: "give the whole text as prompt: what is cached of it is used"},
	{Name: "logprobs", Only: []string{"false"}, Why: "log probabilities are given by /v1/chat/completions"},
	{Name: "top_logprobs", Only: []string{"0"}}, {Name: "dimensions", Only: []string{"0"}},
}

// options are how a text is continued.
type options struct {
	Context     *int           `json:"num_ctx"`
	Predict     *int64         `json:"num_predict"`
	Temperature *float64       `json:"temperature"`
	TopK        *int           `json:"top_k"`
	TopP        *float64       `json:"top_p"`
	MinP        *float64       `json:"min_p"`
	Repeat      *float64       `json:"repeat_penalty"`
	RepeatLast  *int           `json:"repeat_last_n"`
	Presence    *float64       `json:"presence_penalty"`
	Frequency   *float64       `json:"frequency_penalty"`
	Seed        *int64         `json:"seed"`
	Stop        jsontext.Value `json:"stop"`
	Rest        wire.Fields    `json:",embed"`
}

// optionFields are those of the machine, which is the server's, and those that must change nothing.
var optionFields = []wire.Field{
	{Name: "num_batch"}, {Name: "num_gpu"}, {Name: "main_gpu"}, {Name: "use_mmap"}, {Name: "use_mlock"}, {Name: "num_thread"}, {Name: "low_vram"}, {Name: "numa"},
	{Name: "f16_kv"}, {Name: "num_keep"}, {Name: "vocab_only", Only: []string{"false"}}, {Name: "logits_all", Only: []string{"false"}}, {Name: "penalize_newline"},
	{Name: "mirostat", Only: []string{"0"}, Why: "it is not supported"}, {Name: "mirostat_tau"}, {Name: "mirostat_eta"},
	{Name: "tfs_z", Only: []string{"1", "1.0"}, Why: "it is not supported"}, {Name: "typical_p", Only: []string{"1", "1.0"}, Why: "it is not supported"},
}

// Bounds of a request.
const (
	maxMessages = 1 << 14
	maxTools    = 512
	maxStops    = 16
	maxStop     = 1024 // bytes
)

// apply sets what the options ask for.
func (o *options) apply(r *host.Request, h *host.Host) error {
	if err := wire.Check(o.Rest, "options.", optionFields); err != nil {
		return err
	}
	if o.Context != nil && *o.Context > h.Size {
		return wire.Invalid("options.num_ctx", "options.num_ctx: %d: a text has %d positions here", *o.Context, h.Size)
	}
	x := &r.Options.Sampling
	for _, f := range []struct {
		name        string
		value, to   *float64
		least, most float64
	}{{"temperature", o.Temperature, &x.Temperature, 0, 100}, {"top_p", o.TopP, &x.TopP, 0, 1}, {"min_p", o.MinP, &x.MinP, 0, 1},
		{"repeat_penalty", o.Repeat, &x.Repeat, .01, 100}, {"presence_penalty", o.Presence, &x.Presence, -2, 2}, {"frequency_penalty", o.Frequency, &x.Frequency, -2, 2}} {
		if f.value == nil {
			continue
		}
		if !(*f.value >= f.least && *f.value <= f.most) {
			return wire.Invalid("options."+f.name, "options.%s: %g: want %g to %g", f.name, *f.value, f.least, f.most)
		}
		*f.to = *f.value
	}
	for _, f := range []struct {
		name  string
		value *int
		to    *int
	}{{"top_k", o.TopK, &x.TopK}, {"repeat_last_n", o.RepeatLast, &x.RepeatLast}} {
		if f.value == nil {
			continue
		}
		if *f.value < -1 || *f.value > 1<<16 {
			return wire.Invalid("options."+f.name, "options.%s: %d: want 0 to %d", f.name, *f.value, 1<<16)
		}
		if *f.to = *f.value; *f.value < 0 {
			*f.to = 0
			if f.to == &x.RepeatLast { // the whole context
				*f.to = h.Size
			}
		}
	}
	x.Seed = host.RandomSeed()
	if o.Seed != nil {
		x.Seed = uint64(*o.Seed)
	}
	if o.Predict != nil {
		if *o.Predict < -2 {
			return wire.Invalid("options.num_predict", "options.num_predict: %d: want 0 or more, or -1 for no limit", *o.Predict)
		}
		r.Options.Limit = int(min(*o.Predict, 1<<30))
	}
	var err error
	r.Options.Stop, err = stops(o.Stop)
	return err
}

// stops are the texts that end an answer: one, or a list.
func stops(v jsontext.Value) (all []string, err error) {
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return nil, nil
	case v.Kind() == '"':
		all = []string{word(v)}
	case v.Kind() == '[' && jsonv2.Unmarshal(v, &all) == nil:
	default:
		return nil, wire.Invalid("options.stop", "options.stop: want a text or a list of texts")
	}
	if len(all) > maxStops || slices.ContainsFunc(all, func(s string) bool { return s == "" || len(s) > maxStop }) {
		return nil, wire.Invalid("options.stop", "options.stop: want at most %d texts of 1 to %d bytes", maxStops, maxStop)
	}
	return all, nil
}

// read is what is common to both requests.
func (c *common) read(ctx context.Context, a *API, client string, tools bool) (r host.Request, err error) {
	if err := a.known(c.Model); err != nil {
		return r, err
	}
	if err := wire.Check(c.Rest, "", requestFields); err != nil {
		return r, err
	}
	r = host.Request{Options: a.Host.Default(), Alternatives: -1, Client: client}
	if err := c.Options.apply(&r, a.Host); err != nil {
		return r, err
	}
	schema := []byte(c.Format)
	switch {
	case len(c.Format) == 0 || c.Format.Kind() == 'n' || string(c.Format) == `""`:
		return r, nil
	case string(c.Format) == `"json"`:
		schema = []byte(`{"type": "object"}`)
	case c.Format.Kind() != '{':
		return r, wire.Invalid("format", `format: want "json" or a JSON schema`)
	}
	if tools {
		return r, wire.Invalid("format", "format: an answer that may call tools cannot be held to a format")
	}
	r.Options.Grammar, err = a.Host.Grammar(ctx, "format", schema)
	return r, err
}

// thinks tells the template whether the model shall think.
func (c *common) thinks(to *chat.Conversation) error {
	to.Variables = map[string]json.RawMessage{}
	switch v := c.Think; v.Kind() {
	case 't', 'f':
		to.Variables["enable_thinking"] = json.RawMessage(v)
	case '"':
		to.Variables["reasoning_effort"] = json.RawMessage(v)
	default:
		if len(v) > 0 && v.Kind() != 'n' {
			return wire.Invalid("think", "think: want true, false or a word")
		}
	}
	return nil
}

// stream says whether the answer is sent as it comes.
func (c *common) stream() bool { return c.Stream == nil || *c.Stream }

// message is a turn on the wire.
type message struct {
	Role     string      `json:"role"`
	Content  string      `json:"content"`
	Thinking string      `json:"thinking,omitempty"`
	Calls    []call      `json:"tool_calls,omitempty"`
	Tool     string      `json:"tool_name,omitempty"` // whose result this is
	CallID   string      `json:"tool_call_id,omitempty"`
	Rest     wire.Fields `json:",embed"`
}

type call struct {
	ID       string `json:"id,omitempty"`
	Function struct {
		Index     *int           `json:"index,omitzero"`
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"`
	} `json:"function"`
	Rest wire.Fields `json:",embed"`
}

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
	} `json:"function"`
}

// turns is what messages mean to a template.
func turns(all []message) (out []chat.Message, err error) {
	if n := len(all); n == 0 || n > maxMessages {
		return nil, wire.Invalid("messages", "messages: %d of them: want 1 to %d", n, maxMessages)
	}
	for i, m := range all {
		at := fmt.Sprintf("messages.%d", i)
		if !slices.Contains([]string{"system", "user", "assistant", "tool"}, m.Role) {
			return nil, wire.Invalid(at+".role", "%s.role: %.32q: want system, user, assistant or tool", at, m.Role)
		}
		if err := wire.Check(m.Rest, at+".", []wire.Field{{Name: "images", Only: []string{"[]"}, Why: "the model reads text only"}}); err != nil {
			return nil, err
		}
		one := chat.Message{Role: m.Role, Content: m.Content, Reasoning: m.Thinking, Name: m.Tool, ToolCallID: m.CallID}
		for k, c := range m.Calls {
			if c.Function.Name == "" || c.Function.Arguments.Kind() != '{' {
				return nil, wire.Invalid(at+".tool_calls", "%s.tool_calls.%d: want a function with its name, and an object of arguments", at, k)
			}
			one.ToolCalls = append(one.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: string(c.Function.Arguments)})
		}
		out = append(out, one)
	}
	return out, nil
}

// functions are the tools of a request.
func functions(all []tool) (out []chat.Tool, err error) {
	if len(all) > maxTools {
		return nil, wire.Invalid("tools", "tools: %d of them: want at most %d", len(all), maxTools)
	}
	for i, t := range all {
		if t.Type != "function" || t.Function.Name == "" || t.Function.Parameters.Kind() != '{' && len(t.Function.Parameters) > 0 {
			return nil, wire.Invalid("tools", "tools.%d: want a function with its name and a JSON schema", i)
		}
		out = append(out, chat.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: []byte(t.Function.Parameters)})
	}
	return out, nil
}

// word is the text that v, a JSON string, holds.
func word(v jsontext.Value) (s string) {
	_ = jsonv2.Unmarshal(v, &s)
	return strings.Clone(s)
}
