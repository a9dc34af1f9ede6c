package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Error is what a client is told of a request that is not honoured. Each API writes it in a shape
// of its own.
type Error struct {
	Status  int           // of HTTP
	Message string        // a sentence, without anything that is secret
	Param   string        // the field that it is about, "" for none
	Code    string        // a word for programs, "" for none
	Retry   time.Duration // after which the same request may be honoured, 0 for never
}

func (e *Error) Error() string { return e.Message }

// Invalid is a request that is wrong in one field, "" for the whole.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Param: param}
}

// Closing is what is told of what is not done when the server ends. It is the cause of the context
// of a request that is given up then.
var Closing error = &Error{Status: http.StatusServiceUnavailable, Code: "server_closing", Message: "the server is stopping"}

// Told is what a client is told of an error of its request: nil where it went away, and that the
// server is stopping where that ended the request.
func Told(r *http.Request, err error) error {
	switch {
	case err == nil || r.Context().Err() == nil:
		return err
	case errors.Is(context.Cause(r.Context()), Closing):
		return Closing
	default:
		return nil
	}
}

// Of is err as an Error. One that no client has caused is told in general words only.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Message: "the server failed", Code: "server_error"}
}
