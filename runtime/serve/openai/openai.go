package openai

import (
	"net/http"
	"strings"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// API answers requests from one model.
type API struct {
	Host   *host.Host
	Limits wire.Limits
	Ping   time.Duration // between the comments that keep a silent stream open, 0 for none
}

// Register adds the paths of the API.
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/models", a.models)
	mux.HandleFunc("GET /v1/models/{name...}", a.model)
	for path, answer := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/v1/chat/completions": a.chat,
		"/v1/completions":      a.complete,
		"/v1/responses":        a.respond,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := wire.Told(r, answer(w, r)); err != nil {
				WriteError(w, err)
			}
		})
	}
}

// WriteError answers with an error in the shape of this API.
func WriteError(w http.ResponseWriter, err error) {
	e := wire.Of(err)
	wire.RetryAfter(w, e)
	wire.JSON(w, e.Status, failure{shape(e)})
}

// failure is an error on the wire.
type failure struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func shape(e *wire.Error) errorBody {
	kind := "invalid_request_error"
	switch {
	case e.Status == http.StatusUnauthorized:
		kind = "authentication_error"
	case e.Status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case e.Status >= 500:
		kind = "server_error"
	}
	return errorBody{e.Message, kind, optional(e.Param), optional(e.Code)}
}

// optional is nil for no text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// finish is why an answer ended, in the words of the API.
func finish(r host.Result) string {
	switch {
	case r.Calls > 0:
		return "tool_calls"
	case r.Stop == generate.StopLimit || r.Stop == generate.StopFull:
		return "length"
	}
	return "stop"
}

// usage is what an answer took.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

func (u *usage) add(a *host.Answer, r host.Result) {
	if u.Prompt == 0 { // several answers share a prompt
		u.Prompt, u.Details.Cached = len(a.Prompt), r.Reused
	}
	u.Completion += len(r.Tokens)
	u.Total = u.Prompt + u.Completion
}

// modelCard is a model on the wire.
type modelCard struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Meta    meta   `json:"meta"`
}

// meta is what llama-server says of a model, too.
type meta struct {
	Context int    `json:"n_ctx"`
	Trained int    `json:"n_ctx_train"`
	Vocab   int    `json:"n_vocab"`
	Plan    string `json:"cache_plan"`
}

func (a *API) card() modelCard {
	h := a.Host
	return modelCard{h.Name, "model", h.Created.Unix(), "kvrun", meta{h.Size, h.Trained, h.Tokenizer.Len(), h.PlanID()}}
}

func (a *API) models(w http.ResponseWriter, r *http.Request) {
	wire.JSON(w, http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []modelCard `json:"data"`
	}{"list", []modelCard{a.card()}})
}

func (a *API) model(w http.ResponseWriter, r *http.Request) {
	if err := a.Host.Known(strings.TrimSpace(r.PathValue("name"))); err != nil {
		WriteError(w, err)
		return
	}
	wire.JSON(w, http.StatusOK, a.card())
}
