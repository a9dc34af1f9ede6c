package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A refusedError is one that another attempt would not change.
type refusedError struct{ error }

func (r *refusedError) Unwrap() error { return r.error }

// A statusError is an answer other than the one that was asked for.
type statusError struct {
	code  int
	host  string
	after time.Duration // that the server wants to be left alone; 0 where it says nothing
	text  string
}

func (s *statusError) Error() string {
	return fmt.Sprintf("%s answers %d %s%s", s.host, s.code, http.StatusText(s.code), s.text)
}

// status makes an error of an answer, of which a short text is read.
func (c *Client) status(resp *http.Response) error {
	s := &statusError{code: resp.StatusCode, host: resp.Request.URL.Host}
	if b, err := io.ReadAll(io.LimitReader(resp.Body, 300)); err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if text := strings.Map(func(r rune) rune {
			if odd(r) && !strings.ContainsRune(`":`, r) {
				return -1
			}
			return r
		}, string(b)); text != "" {
			s.text = ": " + clip(text)
		}
	}
	switch after := resp.Header.Get("Retry-After"); {
	case after == "":
	default:
		if n, err := strconv.ParseInt(after, 10, 32); err == nil && n >= 0 {
			s.after = time.Duration(n) * time.Second
		} else if at, err := http.ParseTime(after); err == nil {
			s.after = max(time.Until(at), time.Second)
		}
	}
	return s
}

// tries counts attempts in succession that brought nothing.
type tries struct {
	c *Client
	n int
}

// again waits for the time of the next attempt after err, or returns why there is none.
func (t *tries) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, refused := errors.AsType[*refusedError](err)
	_, stranger := errors.AsType[*tls.CertificateVerificationError](err)
	if refused || stranger || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	t.n++
	// A second, doubled each time up to half a minute, and a part of it by chance, so that many do
	// not come back together.
	wait := min(time.Second<<min(t.n-1, 10), 30*time.Second)
	wait += time.Duration(rand.Int64N(int64(wait)/2 + 1))
	if s, ok := errors.AsType[*statusError](err); ok {
		switch {
		case s.code == http.StatusTooManyRequests || s.code == http.StatusRequestTimeout || s.code >= 500 && s.code != http.StatusNotImplemented:
		default:
			return err
		}
		if s.after > t.c.Patience {
			return fmt.Errorf("%w; it asks to come back after %v: run the command again then, what is there is kept", err, s.after.Round(time.Second))
		}
		wait = max(wait, s.after)
	}
	if t.n >= t.c.Attempts {
		return fmt.Errorf("given up after %d attempts that brought nothing, the last: %w; run the command again to go on, what is there is kept", t.n, err)
	}
	t.c.say("%v; attempt %d of %d in %v", err, t.n+1, t.c.Attempts, wait.Round(100*time.Millisecond))
	return t.c.wait(ctx, wait)
}
