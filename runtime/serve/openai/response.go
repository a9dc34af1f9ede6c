package openai

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// response is an answer of /v1/responses on the wire.
type response struct {
	ID           string         `json:"id"`
	Object       string         `json:"object"`
	Created      int64          `json:"created_at"`
	Status       string         `json:"status"`
	Background   bool           `json:"background"`
	Error        *responseError `json:"error"`
	Incomplete   *incomplete    `json:"incomplete_details"`
	Instructions *string        `json:"instructions"`
	MaxTokens    *int64         `json:"max_output_tokens"`
	Model        string         `json:"model"`
	Output       []outputItem   `json:"output"`
	Parallel     bool           `json:"parallel_tool_calls"`
	Previous     *string        `json:"previous_response_id"`
	Reasoning    reasoningOf    `json:"reasoning"`
	Store        bool           `json:"store"`
	Temperature  float64        `json:"temperature"`
	Text         textOf         `json:"text"`
	ToolChoice   jsontext.Value `json:"tool_choice"`
	Tools        []toldTool     `json:"tools"`
	TopP         float64        `json:"top_p"`
	Truncation   string         `json:"truncation"`
	Usage        *responseUsage `json:"usage"`
	Metadata     jsontext.Value `json:"metadata"`
	Fingerprint  string         `json:"system_fingerprint"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type reasoningOf struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type textOf struct {
	Format struct {
		Type string `json:"type"`
	} `json:"format"`
}

// toldTool is a tool that the model was told of.
type toldTool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Strict      bool           `json:"strict"`
}

type responseUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// outputItem is thinking, a message or a call.
type outputItem struct {
	Type      string        `json:"type"`
	ID        string        `json:"id"`
	Status    string        `json:"status"`
	Role      string        `json:"role,omitempty"`
	Summary   *[]string     `json:"summary,omitzero"` // of thinking, always empty
	Content   *[]outputPart `json:"content,omitzero"` // of thinking and messages
	CallID    string        `json:"call_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Arguments *string       `json:"arguments,omitzero"`
}

// outputPart is a text of an item.
type outputPart struct {
	Type        string    `json:"type"`
	Text        string    `json:"text"`
	Annotations *[]string `json:"annotations,omitzero"` // of a message, always empty
	Logprobs    *[]string `json:"logprobs,omitzero"`    // of a message, always empty
}

// head is a response of nothing yet.
func (q *responseRequest) head(h *host.Host, r host.Request) response {
	x := response{ID: host.NewID("resp_"), Object: "response", Created: time.Now().Unix(), Status: "in_progress", Instructions: q.Instructions, MaxTokens: q.MaxTokens,
		Model: h.Name, Output: []outputItem{}, Parallel: !r.OneCall, Temperature: r.Options.Sampling.Temperature, TopP: r.Options.Sampling.TopP,
		ToolChoice: q.ToolChoice, Tools: []toldTool{}, Truncation: "disabled", Metadata: q.Metadata, Fingerprint: h.PlanID()}
	if q.Reasoning != nil {
		x.Reasoning = reasoningOf{q.Reasoning.Effort, q.Reasoning.Summary}
	}
	x.Text.Format.Type = "text"
	if q.Text != nil && q.Text.Format != nil {
		x.Text.Format.Type = q.Text.Format.Type
	}
	if len(x.ToolChoice) == 0 || x.ToolChoice.Kind() == 'n' {
		x.ToolChoice = jsontext.Value(`"auto"`)
	}
	if x.Metadata.Kind() != '{' {
		x.Metadata = jsontext.Value("{}")
	}
	for _, t := range r.Conversation.Tools {
		one := toldTool{Type: "function", Name: t.Name, Description: t.Description, Parameters: jsontext.Value(t.Parameters), Strict: t.Strict}
		if len(one.Parameters) == 0 {
			one.Parameters = jsontext.Value("{}")
		}
		x.Tools = append(x.Tools, one)
	}
	return x
}

// responding puts a response together, and sends its events where somebody listens.
type responding struct {
	*wire.Stream // nil for nobody
	head         response
	number       int             // of the next event
	open         bool            // the last item is not whole
	text         strings.Builder // of the open item
}

// event is one of a stream. Fields that an event has not are absent.
type event struct {
	Type     string      `json:"type"`
	Number   int         `json:"sequence_number"`
	Response *response   `json:"response,omitzero"`
	Output   *int        `json:"output_index,omitzero"`
	ItemID   string      `json:"item_id,omitempty"`
	Part     *int        `json:"content_index,omitzero"`
	Item     *outputItem `json:"item,omitzero"`
	Content  *outputPart `json:"part,omitzero"`
	Delta    *string     `json:"delta,omitzero"`
	Text     *string     `json:"text,omitzero"`
	Name     string      `json:"name,omitempty"`
	Args     *string     `json:"arguments,omitzero"`
	Logprobs *[]string   `json:"logprobs,omitzero"`
}

func (o *responding) send(e event) error {
	if o.Stream == nil {
		return nil
	}
	e.Number = o.number
	o.number++
	return o.Event(e.Type, e)
}

// whole sends an event with the response as it is.
func (o *responding) whole(kind string) error {
	x := o.head
	return o.send(event{Type: kind, Response: &x})
}

// of is an event about the last item.
func (o *responding) of(kind string) event {
	i := len(o.head.Output) - 1
	return event{Type: kind, Output: &i, ItemID: o.head.Output[i].ID}
}

// run reads an answer to its end.
func (o *responding) run(a *host.Answer) error {
	if err := o.whole("response.created"); err != nil {
		return err
	}
	if err := o.whole("response.in_progress"); err != nil {
		return err
	}
	for e := range a.Events() {
		for _, p := range e.Parts {
			if err := o.part(p); err != nil {
				return err
			}
		}
	}
	if err := o.close(); err != nil {
		return err
	}
	r, err := a.Result()
	if err != nil {
		return err
	}
	u := &responseUsage{Input: len(a.Prompt), Output: len(r.Tokens), Total: len(a.Prompt) + len(r.Tokens)}
	u.InputDetails.Cached = r.Reused
	u.OutputDetails.Reasoning = a.Thought()
	o.head.Usage = u
	if r.Stop == generate.StopLimit || r.Stop == generate.StopFull {
		o.head.Status, o.head.Incomplete = "incomplete", &incomplete{"max_output_tokens"}
		return o.whole("response.incomplete")
	}
	o.head.Status = "completed"
	return o.whole("response.completed")
}

// fail ends a stream that has begun.
func (o *responding) fail(err error) {
	e := wire.Of(err)
	o.head.Status, o.head.Error = "failed", &responseError{"server_error", e.Message}
	o.whole("response.failed")
}

// kinds of texts: their items, their parts and the events about them.
var kinds = map[chat.Kind]struct{ item, prefix, part, name string }{
	chat.Content:   {"message", "msg_", "output_text", "response.output_text"},
	chat.Reasoning: {"reasoning", "rs_", "reasoning_text", "response.reasoning_text"},
}

// part adds a piece of the answer.
func (o *responding) part(p chat.Part) error {
	if p.Kind == chat.Call {
		return o.call(p.Call)
	}
	k := kinds[p.Kind]
	if n := len(o.head.Output); o.open && o.head.Output[n-1].Type != k.item {
		if err := o.close(); err != nil {
			return err
		}
	}
	if !o.open {
		if err := o.begin(p.Kind); err != nil {
			return err
		}
	}
	o.text.WriteString(p.Text)
	e, zero := o.of(k.name+".delta"), 0
	e.Part, e.Delta = &zero, &p.Text
	if p.Kind == chat.Content {
		e.Logprobs = &[]string{}
	}
	return o.send(e)
}

// newPart is a text of a kind.
func newPart(kind chat.Kind, text string) outputPart {
	p := outputPart{Type: kinds[kind].part, Text: text}
	if kind == chat.Content {
		p.Annotations, p.Logprobs = &[]string{}, &[]string{}
	}
	return p
}

// begin opens an item with a text.
func (o *responding) begin(kind chat.Kind) error {
	k := kinds[kind]
	x := outputItem{Type: k.item, ID: host.NewID(k.prefix), Status: "in_progress", Content: &[]outputPart{}}
	if kind == chat.Content {
		x.Role = "assistant"
	} else {
		x.Summary = &[]string{}
	}
	o.head.Output = append(o.head.Output, x)
	o.open = true
	o.text.Reset()
	e := o.of("response.output_item.added")
	e.ItemID, e.Item = "", &x
	if err := o.send(e); err != nil {
		return err
	}
	e, zero, part := o.of("response.content_part.added"), 0, newPart(kind, "")
	e.Part, e.Content = &zero, &part
	return o.send(e)
}

// close ends the open item, if there is one.
func (o *responding) close() error {
	if !o.open {
		return nil
	}
	o.open = false
	x := &o.head.Output[len(o.head.Output)-1]
	kind := chat.Content
	if x.Type == kinds[chat.Reasoning].item {
		kind = chat.Reasoning
	}
	part, zero, text := newPart(kind, o.text.String()), 0, o.text.String()
	x.Status, x.Content = "completed", &[]outputPart{part}
	done := o.of(kinds[kind].name + ".done")
	done.Part, done.Text = &zero, &text
	if kind == chat.Content {
		done.Logprobs = &[]string{}
	}
	if err := o.send(done); err != nil {
		return err
	}
	e := o.of("response.content_part.done")
	e.Part, e.Content = &zero, &part
	if err := o.send(e); err != nil {
		return err
	}
	return o.done()
}

// done says that the last item is whole.
func (o *responding) done() error {
	x := o.head.Output[len(o.head.Output)-1]
	e := o.of("response.output_item.done")
	e.ItemID, e.Item = "", &x
	return o.send(e)
}

// call adds a call, which is whole when it comes.
func (o *responding) call(c chat.ToolCall) error {
	if err := o.close(); err != nil {
		return err
	}
	nothing, wired := "", called(c)
	x := outputItem{Type: "function_call", ID: host.NewID("fc_"), Status: "in_progress", CallID: wired.ID, Name: c.Name, Arguments: &nothing}
	o.head.Output = append(o.head.Output, x)
	e := o.of("response.output_item.added")
	e.ItemID, e.Item = "", &x
	if err := o.send(e); err != nil {
		return err
	}
	e = o.of("response.function_call_arguments.delta")
	e.Delta = &c.Arguments
	if err := o.send(e); err != nil {
		return err
	}
	last := &o.head.Output[len(o.head.Output)-1]
	last.Status, last.Arguments = "completed", &c.Arguments
	e = o.of("response.function_call_arguments.done")
	e.Name, e.Args = c.Name, &c.Arguments
	if err := o.send(e); err != nil {
		return err
	}
	return o.done()
}
