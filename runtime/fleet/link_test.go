package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestAgain: a server that fails for longer than a lease is spoken of, once, with what it says.
func TestAgain(t *testing.T) {
	var said []string
	l := &Link{lease: 300 * time.Millisecond, closed: make(chan struct{}), say: func(line string) { said = append(said, line) }}
	asked := 0
	err := l.again(context.Background(), func(context.Context) error {
		if asked++; len(said) == 0 || asked < 6 {
			return nats.ErrTimeout
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "failed for 300ms") || !strings.Contains(said[0], nats.ErrTimeout.Error()) {
		t.Errorf("said %q", said)
	}
	said = nil
	want := errors.New("no such thing")
	if err := l.again(context.Background(), func(context.Context) error { return want }); !errors.Is(err, want) || len(said) > 0 {
		t.Errorf("%v, said %q, of an error that asking again does not mend", err, said)
	}
}
