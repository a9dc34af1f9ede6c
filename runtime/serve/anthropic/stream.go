package anthropic

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// event is one of a stream. Fields that an event has not are absent.
type event struct {
	Type    string      `json:"type"`
	Message *answer     `json:"message,omitzero"`
	Index   *int        `json:"index,omitzero"`
	Block   *answerPart `json:"content_block,omitzero"`
	Delta   any         `json:"delta,omitzero"`
	Usage   *usage      `json:"usage,omitzero"`
}

type textDelta struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type thinkingDelta struct {
	Type     string `json:"type"`
	Thinking string `json:"thinking"`
}

type inputDelta struct {
	Type    string `json:"type"`
	Partial string `json:"partial_json"`
}

type endDelta struct {
	Stop     *string `json:"stop_reason"`
	Sequence *string `json:"stop_sequence"`
}

// streaming sends an answer block by block: one is closed before the next is opened.
type streaming struct {
	*wire.Stream
	index int // of the open block, or of the next
	open  bool
	kind  chat.Kind // of the open block
}

func (s *streaming) send(e event) error { return s.Event(e.Type, e) }

// stream sends an answer as it comes.
func (a *API) stream(w http.ResponseWriter, r *http.Request, m answer, answered *host.Answer) {
	s := &streaming{Stream: wire.NamedEvents(w, a.Ping)}
	defer s.Close()
	if err := wire.Told(r, s.run(m, answered)); err != nil {
		s.Event("error", shape(wire.Of(err)))
	}
}

func (s *streaming) run(m answer, a *host.Answer) error {
	m.Usage.Input = len(a.Prompt)
	if err := s.send(event{Type: "message_start", Message: &m}); err != nil {
		return err
	}
	for e := range a.Events() {
		for _, p := range e.Parts {
			if err := s.part(p); err != nil {
				return err
			}
		}
	}
	if err := s.close(); err != nil {
		return err
	}
	r, err := a.Result()
	if err != nil {
		return err
	}
	m.finish(a, r)
	if err := s.send(event{Type: "message_delta", Delta: endDelta{m.Stop, m.Sequence}, Usage: &m.Usage}); err != nil {
		return err
	}
	return s.send(event{Type: "message_stop"})
}

// part sends a piece of the answer.
func (s *streaming) part(p chat.Part) error {
	if s.open && (p.Kind != s.kind || p.Kind == chat.Call) {
		if err := s.close(); err != nil {
			return err
		}
	}
	if !s.open {
		b := newBlock(p, "")
		if p.Kind == chat.Call {
			b.Input = jsontext.Value("{}")
		}
		at := s.index
		if err := s.send(event{Type: "content_block_start", Index: &at, Block: &b}); err != nil {
			return err
		}
		s.open, s.kind = true, p.Kind
	}
	var d any = textDelta{"text_delta", p.Text}
	switch p.Kind {
	case chat.Reasoning:
		d = thinkingDelta{"thinking_delta", p.Text}
	case chat.Call:
		d = inputDelta{"input_json_delta", p.Call.Arguments}
	}
	at := s.index
	return s.send(event{Type: "content_block_delta", Index: &at, Delta: d})
}

// close ends the open block, if there is one.
func (s *streaming) close() error {
	if !s.open {
		return nil
	}
	at := s.index
	s.open = false
	s.index++
	return s.send(event{Type: "content_block_stop", Index: &at})
}
