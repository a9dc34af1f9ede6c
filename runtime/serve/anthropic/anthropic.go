package anthropic

import (
	"net/http"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// API answers requests from one model.
type API struct {
	Host   *host.Host
	Limits wire.Limits
	Ping   time.Duration // between the pings of a silent stream, 0 for none
}

// Register adds the paths of the API.
func (a *API) Register(mux *http.ServeMux) {
	for path, answer := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/v1/messages":              a.messages,
		"/v1/messages/count_tokens": a.count,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := wire.Told(r, answer(w, r)); err != nil {
				WriteError(w, err)
			}
		})
	}
}

// failure is an error on the wire.
type failure struct {
	Type  string      `json:"type"`
	Error failureBody `json:"error"`
}

type failureBody struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// kinds are the API's words for statuses.
var kinds = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
	http.StatusInternalServerError: "api_error", http.StatusServiceUnavailable: "overloaded_error",
}

func shape(e *wire.Error) failure {
	kind := kinds[e.Status]
	if kind == "" {
		kind = "invalid_request_error"
	}
	return failure{"error", failureBody{kind, e.Message}}
}

// WriteError answers with an error in the shape of this API.
func WriteError(w http.ResponseWriter, err error) {
	e := wire.Of(err)
	wire.RetryAfter(w, e)
	wire.JSON(w, e.Status, shape(e))
}

// stop is why an answer ended, in the words of the API.
func stop(r host.Result) string {
	switch {
	case r.Calls > 0:
		return "tool_use"
	case r.Stop == generate.StopLimit:
		return "max_tokens"
	case r.Stop == generate.StopFull:
		return "model_context_window_exceeded"
	case r.Stop == generate.StopString:
		return "stop_sequence"
	}
	return "end_turn"
}
