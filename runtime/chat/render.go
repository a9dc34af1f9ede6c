package chat

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

const (
	maxSource = 128 << 10       // bytes of a template; the largest published ones have some 20 KB
	maxTime   = 3 * time.Second // of one rendering, which takes milliseconds
)

// bounded renders source with vars, or only parses it when vars is nil. size is that of the conversation in bytes.
//
// Go cannot stop a goroutine from outside. One that runs out of time is left behind and ends at its next step, which
// the meter refuses.
func bounded(source string, vars map[string]any, size int) (string, error) {
	if len(source) > maxSource {
		return "", fmt.Errorf("chat: the template has %d bytes, the limit is %d", len(source), maxSource)
	}
	type result struct {
		text string
		err  error
	}
	m := newMeter(size)
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: m.report(fmt.Errorf("%v", p))}
			}
			done <- r
		}()
		r.text, r.err = render(source, vars, m)
	}()
	timer := time.NewTimer(maxTime)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.text, r.err
	case <-timer.C:
		return "", errTime
	}
}

func render(source string, vars map[string]any, m *meter) (string, error) {
	// The settings are those of Hugging Face's apply_chat_template, which templates are written for.
	c := config.New()
	c.TrimBlocks, c.LeftStripBlocks = true, true
	source, err := rewriteConditionals(strings.ReplaceAll(source, "\r\n", "\n"), c)
	if err != nil {
		return "", err
	}
	if err := checkTokens(source, c); err != nil {
		return "", err
	}
	t, err := exec.NewTemplate(rootName, c, alone(source), m.environment())
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil { // without the whole template in the message
			err = inner
		}
		return "", m.report(err)
	}
	if vars == nil {
		return "", nil
	}
	w := &limited{m: m}
	if err := t.Execute(w, exec.NewContext(vars)); err != nil {
		return "", m.report(err)
	}
	return w.String(), nil
}

// limited collects the output up to the meter's limit.
type limited struct {
	strings.Builder
	m *meter
}

func (w *limited) Write(p []byte) (int, error) { return w.WriteString(string(p)) }

func (w *limited) WriteString(s string) (int, error) {
	if err := w.m.length(w.Len() + len(s)); err != nil {
		return 0, err
	}
	return w.Builder.WriteString(s)
}

// alone is a loader that has one template and finds no other.
type alone string

const rootName = "chat_template"

func (a alone) Read(path string) (io.Reader, error) {
	if path != rootName {
		return nil, fmt.Errorf("chat: a template cannot read %q", path)
	}
	return strings.NewReader(string(a)), nil
}

func (a alone) Resolve(path string) (string, error) { return path, nil }

func (a alone) Inherit(string) (loaders.Loader, error) { return a, nil }
