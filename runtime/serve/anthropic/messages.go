package anthropic

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// answer is a message of the model on the wire.
type answer struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Role     string       `json:"role"`
	Model    string       `json:"model"`
	Content  []answerPart `json:"content"`
	Stop     *string      `json:"stop_reason"`
	Sequence *string      `json:"stop_sequence"`
	Usage    usage        `json:"usage"`
}

// answerPart is a block of an answer. Fields that a block has not are absent.
type answerPart struct {
	Type      string         `json:"type"`
	Text      *string        `json:"text,omitzero"`
	Thinking  *string        `json:"thinking,omitzero"`
	Signature *string        `json:"signature,omitzero"` // of thinking: nobody signs it
	ID        string         `json:"id,omitempty"`
	Name      string         `json:"name,omitempty"`
	Input     jsontext.Value `json:"input,omitzero"`
}

// usage is what an answer took. Tokens of the input are those that were run; cached ones are
// beside.
type usage struct {
	Input   int `json:"input_tokens"`
	Created int `json:"cache_creation_input_tokens"`
	Cached  int `json:"cache_read_input_tokens"`
	Output  int `json:"output_tokens"`
}

// newBlock is the block of a part, with its text.
func newBlock(p chat.Part, text string) answerPart {
	switch p.Kind {
	case chat.Reasoning:
		nobody := ""
		return answerPart{Type: "thinking", Thinking: &text, Signature: &nobody}
	case chat.Call:
		id := p.Call.ID
		if id == "" {
			id = host.NewID("toolu_")
		}
		return answerPart{Type: "tool_use", ID: id, Name: p.Call.Name, Input: jsontext.Value(text)}
	}
	return answerPart{Type: "text", Text: &text}
}

// messages answers a conversation.
func (a *API) messages(w http.ResponseWriter, r *http.Request) error {
	var q request
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	if q.MaxTokens == nil {
		return wire.Invalid("max_tokens", "max_tokens: it is not given")
	}
	asked, err := q.read(r.Context(), a.Host, wire.Client(r))
	if err != nil {
		return err
	}
	s, err := a.Host.Start(r.Context(), asked)
	if err != nil {
		return err
	}
	defer s.Close()
	out := answer{ID: host.NewID("msg_"), Type: "message", Role: "assistant", Model: a.Host.Name, Content: []answerPart{}}
	if q.Stream {
		a.stream(w, r, out, s)
		return nil
	}
	if err := out.read(s); err != nil {
		return err
	}
	wire.JSON(w, http.StatusOK, out)
	return nil
}

// read waits for the whole of an answer.
func (m *answer) read(a *host.Answer) error {
	var text strings.Builder
	var open *chat.Part // whose text is being read
	end := func() {
		if open != nil {
			m.Content = append(m.Content, newBlock(*open, text.String()))
		}
		open = nil
		text.Reset()
	}
	for e := range a.Events() {
		for _, p := range e.Parts {
			if p.Kind == chat.Call {
				end()
				m.Content = append(m.Content, newBlock(p, p.Call.Arguments))
				continue
			}
			if open != nil && open.Kind != p.Kind {
				end()
			}
			open = &p
			text.WriteString(p.Text)
		}
	}
	end()
	r, err := a.Result()
	m.finish(a, r)
	return err
}

// finish says why the answer ended, and what it took.
func (m *answer) finish(a *host.Answer, r host.Result) {
	why := stop(r)
	m.Stop = &why
	if r.Matched != "" {
		m.Sequence = &r.Matched
	}
	m.Usage = usage{Input: len(a.Prompt) - r.Reused, Cached: r.Reused, Output: len(r.Tokens)}
}

// count says how many tokens a conversation has.
func (a *API) count(w http.ResponseWriter, r *http.Request) error {
	var q request
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	asked, err := q.read(r.Context(), a.Host, wire.Client(r))
	if err != nil {
		return err
	}
	ids, err := a.Host.Tokenize(r.Context(), asked.Conversation)
	if err != nil {
		return err
	}
	wire.JSON(w, http.StatusOK, map[string]int{"input_tokens": len(ids)})
	return nil
}
