package ollama

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// answer is one on the wire, or a piece of one: a message of a chat, or a response.
type answer struct {
	Model    string   `json:"model"`
	Created  string   `json:"created_at"`
	Message  *message `json:"message,omitzero"`
	Response *string  `json:"response,omitzero"`
	Thinking string   `json:"thinking,omitempty"` // beside a response
	Done     bool     `json:"done"`
	Reason   string   `json:"done_reason,omitempty"`
	Plan     string   `json:"cache_plan,omitempty"`
	Times    *times   `json:",embed"`
}

// times are how long an answer took, in nanoseconds, and how many tokens it has.
type times struct {
	Total       int64 `json:"total_duration"`
	Load        int64 `json:"load_duration"`
	Prompt      int   `json:"prompt_eval_count"`
	PromptTime  int64 `json:"prompt_eval_duration"`
	Answer      int   `json:"eval_count"`
	AnswerTime  int64 `json:"eval_duration"`
	PromptCache int   `json:"prompt_cached_count"`
}

// chat answers a conversation.
func (a *API) chat(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		common
		Messages []message `json:"messages"`
		Tools    []tool    `json:"tools"`
	}
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	if len(q.Messages) == 0 { // a client that wants the model loaded
		if err := a.known(q.Model); err != nil {
			return err
		}
		wire.JSON(w, http.StatusOK, a.loaded(&answer{Message: &message{Role: "assistant"}}))
		return nil
	}
	asked, err := q.read(r.Context(), a, wire.Client(r), len(q.Tools) > 0)
	if err != nil {
		return err
	}
	c := &chat.Conversation{Generate: true}
	if c.Messages, err = turns(q.Messages); err != nil {
		return err
	}
	if err := q.thinks(c); err != nil {
		return err
	}
	if c.Tools, err = functions(q.Tools); err != nil {
		return err
	}
	asked.Conversation = c
	return a.answer(w, r, asked, q.stream(), true)
}

// loaded is the answer to a request that asks for nothing.
func (a *API) loaded(x *answer) *answer {
	x.Model, x.Created, x.Done, x.Reason = a.Host.Name, now(), true, "load"
	return x
}

// generate continues a prompt: as the only turn of a conversation, or raw.
func (a *API) generate(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		common
		Prompt string `json:"prompt"`
		System string `json:"system"`
		Raw    bool   `json:"raw"`
	}
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	asked, err := q.read(r.Context(), a, wire.Client(r), false)
	if err != nil {
		return err
	}
	nothing := ""
	switch {
	case q.Prompt == "" && q.System == "":
		wire.JSON(w, http.StatusOK, a.loaded(&answer{Response: &nothing}))
		return nil
	case q.Raw && q.System != "":
		return wire.Invalid("system", "system: not with raw")
	case q.Raw:
		if asked.Tokens, err = a.Host.Encode(r.Context(), q.Prompt); err != nil {
			return err
		}
	default:
		c := &chat.Conversation{Generate: true}
		if q.System != "" {
			c.Messages = append(c.Messages, chat.Message{Role: "system", Content: q.System})
		}
		c.Messages = append(c.Messages, chat.Message{Role: "user", Content: q.Prompt})
		if err := q.thinks(c); err != nil {
			return err
		}
		asked.Conversation = c
	}
	return a.answer(w, r, asked, q.stream(), false)
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// answer sends an answer, as a message or as a response.
func (a *API) answer(w http.ResponseWriter, r *http.Request, asked host.Request, stream, talk bool) error {
	s, err := a.Host.Start(r.Context(), asked)
	if err != nil {
		return err
	}
	defer s.Close()
	var out *wire.Stream
	if stream {
		out = wire.Lines(w)
		defer out.Close()
	}
	whole := &message{Role: "assistant"}
	var content, thinking strings.Builder
	for e := range s.Events() {
		piece := &message{Role: "assistant"}
		for _, p := range e.Parts {
			piece.add(p, len(whole.Calls)+len(piece.Calls))
		}
		if out == nil {
			content.WriteString(piece.Content)
			thinking.WriteString(piece.Thinking)
			whole.Calls = append(whole.Calls, piece.Calls...)
			continue
		}
		whole.Calls = append(whole.Calls, piece.Calls...)
		if err := out.Line(a.piece(piece, talk)); err != nil {
			return nil
		}
	}
	result, err := s.Result()
	if err != nil {
		if out != nil && out.Begun() {
			if err = wire.Told(r, err); err != nil {
				out.Line(failure{wire.Of(err).Message})
			}
			return nil
		}
		return err
	}
	if whole.Content, whole.Thinking = content.String(), thinking.String(); out != nil {
		whole.Calls = nil // they were sent
	}
	last := a.piece(whole, talk)
	last.Done, last.Reason, last.Plan = true, "stop", a.Host.PlanID()
	if result.Stop == generate.StopLimit || result.Stop == generate.StopFull {
		last.Reason = "length"
	}
	last.Times = &times{Total: int64(result.Total), Prompt: len(s.Prompt), PromptTime: int64(result.Prompt), Answer: len(result.Tokens), AnswerTime: int64(result.Total - result.Prompt), PromptCache: result.Reused}
	if out != nil {
		out.Line(last)
		return nil
	}
	wire.JSON(w, http.StatusOK, last)
	return nil
}

// piece is a message on its way.
func (a *API) piece(m *message, talk bool) answer {
	x := answer{Model: a.Host.Name, Created: now()}
	if talk {
		x.Message = m
	} else {
		x.Response, x.Thinking = &m.Content, m.Thinking
	}
	return x
}

// add adds a part to a message that has so many calls.
func (m *message) add(p chat.Part, calls int) {
	switch p.Kind {
	case chat.Content:
		m.Content += p.Text
	case chat.Reasoning:
		m.Thinking += p.Text
	case chat.Call:
		var c call
		c.ID = p.Call.ID
		if c.ID == "" {
			c.ID = host.NewID("call_")
		}
		c.Function.Index, c.Function.Name, c.Function.Arguments = &calls, p.Call.Name, jsontext.Value(p.Call.Arguments)
		m.Calls = append(m.Calls, c)
	}
}
