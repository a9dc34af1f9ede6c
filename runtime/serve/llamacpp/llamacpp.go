package llamacpp

import (
	"net/http"
	"time"

	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/openai"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// API answers requests from one model.
type API struct {
	Host   *host.Host
	Limits wire.Limits
	Ping   time.Duration // between the comments that keep a silent stream open, 0 for none
	Build  string        // of the program
}

// Register adds the paths of the API.
func (a *API) Register(mux *http.ServeMux) {
	for path, answer := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /completion":     a.complete,
		"POST /completions":    a.complete,
		"POST /tokenize":       a.tokenize,
		"POST /detokenize":     a.detokenize,
		"POST /apply-template": a.template,
		"GET /props":           a.props,
		"GET /slots":           a.slots,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := wire.Told(r, answer(w, r)); err != nil {
				openai.WriteError(w, err)
			}
		})
	}
	mux.Handle("GET /metrics", metrics(a.Host))
}

// tokenize is the tokens of a text.
func (a *API) tokenize(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Content string      `json:"content"`
		Special bool        `json:"add_special"`
		Parse   *bool       `json:"parse_special"`
		Pieces  bool        `json:"with_pieces"`
		Rest    wire.Fields `json:",embed"`
	}
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	if err := wire.Check(q.Rest, ""); err != nil {
		return err
	}
	ids, err := a.Host.EncodeAs(r.Context(), q.Content, q.Special, q.Parse == nil || *q.Parse)
	if err != nil {
		return err
	}
	if ids == nil {
		ids = []int32{}
	}
	if !q.Pieces {
		wire.JSON(w, http.StatusOK, map[string][]int32{"tokens": ids})
		return nil
	}
	type piece struct {
		ID    int32 `json:"id"`
		Piece any   `json:"piece"` // a text, or its bytes where it is none
	}
	all := []piece{}
	for _, id := range ids {
		all = append(all, piece{id, spelled(a.Host.Tokenizer.Piece(id))})
	}
	wire.JSON(w, http.StatusOK, map[string][]piece{"tokens": all})
	return nil
}

// detokenize is the text of tokens.
func (a *API) detokenize(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Tokens []int32     `json:"tokens"`
		Rest   wire.Fields `json:",embed"`
	}
	if err := a.Limits.Read(w, r, &q); err != nil {
		return err
	}
	if err := wire.Check(q.Rest, ""); err != nil {
		return err
	}
	for _, id := range q.Tokens {
		if id < 0 || int(id) >= a.Host.Tokenizer.Len() {
			return wire.Invalid("tokens", "tokens: there is no token %d: the vocabulary has %d", id, a.Host.Tokenizer.Len())
		}
	}
	wire.JSON(w, http.StatusOK, map[string]string{"content": a.Host.Tokenizer.Decode(q.Tokens, true)})
	return nil
}

// template is the prompt of a conversation.
func (a *API) template(w http.ResponseWriter, r *http.Request) error {
	c, err := openai.ReadConversation(w, r, a.Limits)
	if err != nil {
		return err
	}
	text, err := a.Host.Prompt(r.Context(), c)
	if err != nil {
		return err
	}
	wire.JSON(w, http.StatusOK, map[string]string{"prompt": text})
	return nil
}
