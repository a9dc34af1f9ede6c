package openai

import (
	"errors"
	"net/http"
	"sync"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// chatStream sends answers to a conversation as events.
type chatStream struct {
	*wire.Stream
	head completion // of every event

	mu    sync.Mutex
	total usage
}

// streamChat sends answers as they come, each in pieces of its own.
func (a *API) streamChat(w http.ResponseWriter, r *http.Request, head completion, answers []*host.Answer, withUsage bool) error {
	head.Object = "chat.completion.chunk"
	s := &chatStream{Stream: wire.Events(w, a.Ping), head: head}
	defer s.Close()
	if !allOf(s.Stream, r, answers, s.answer) {
		return nil
	}
	if withUsage {
		last := s.head
		last.Choices, last.Usage = []choice{}, &s.total
		s.Event("", last)
	}
	s.Text("[DONE]")
	return nil
}

// allOf has send write each answer, all at the same time. A failure is the last event, and false.
func allOf(s *wire.Stream, r *http.Request, answers []*host.Answer, send func(int, *host.Answer) error) bool {
	errs := make([]error, len(answers))
	var all sync.WaitGroup
	for i, answer := range answers {
		all.Go(func() { errs[i] = send(i, answer) })
	}
	all.Wait()
	err := errors.Join(errs...)
	if told := wire.Told(r, err); told != nil {
		s.Event("", failure{shape(wire.Of(told))})
	}
	return err == nil
}

// answer sends the pieces of one.
func (s *chatStream) answer(index int, a *host.Answer) error {
	nothing := ""
	if err := s.piece(choice{Index: index, Delta: &delta{Role: "assistant", Content: &nothing}}); err != nil {
		return err
	}
	calls := 0
	for e := range a.Events() {
		told := (*logprobs)(nil).add(e.Tokens)
		parts := e.Parts
		if len(parts) == 0 { // tokens of a text that is held back
			parts = []chat.Part{{}}
		}
		for _, p := range parts {
			d := &delta{}
			switch p.Kind {
			case chat.Content:
				d.Content = &p.Text
			case chat.Reasoning:
				d.Reasoning = p.Text
			case chat.Call:
				c := called(p.Call)
				at := calls
				c.Index = &at
				calls++
				d.ToolCalls = []toolCall{c}
			}
			if err := s.piece(choice{Index: index, Delta: d, Logprobs: told}); err != nil {
				return err
			}
			told = nil
		}
	}
	r, err := a.Result()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.total.add(a, r)
	s.mu.Unlock()
	why := finish(r)
	return s.piece(choice{Index: index, Delta: &delta{}, Finish: &why})
}

func (s *chatStream) piece(c choice) error {
	e := s.head
	e.Choices = []choice{c}
	return s.Event("", e)
}
