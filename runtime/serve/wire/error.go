package wire

import (
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

// Of is err as an Error. One that no client has caused is told in general words only.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Message: "the server failed", Code: "server_error"}
}
