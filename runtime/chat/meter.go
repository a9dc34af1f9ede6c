package chat

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

const (
	maxSteps = 1 << 17 // loop rounds, calls, filters, assignments and conditions
	maxCalls = 40      // macros inside macros
	maxDepth = 40      // lists inside lists
	maxWords = 200     // bytes of an error at either end
)

var (
	errTime  = fmt.Errorf("chat: the template runs for more than %v", maxTime)
	errSteps = fmt.Errorf("chat: the template takes more than %d steps", maxSteps)
	errCalls = fmt.Errorf("chat: the template nests more than %d macro calls", maxCalls)
	errDepth = fmt.Errorf("chat: the template nests more than %d lists", maxDepth)
)

// meter holds a rendering to its limits. The first limit that is passed ends the rendering and is its error, whatever
// the engine wraps around it.
type meter struct {
	limit    int // bytes of one value and of the output
	deadline time.Time
	steps    atomic.Int64
	calls    int
	failed   error
}

// newMeter allows values of four times the conversation and a mebibyte.
func newMeter(size int) *meter {
	return &meter{limit: 4*size + 1<<20, deadline: time.Now().Add(maxTime)}
}

func (m *meter) fail(err error) error {
	if m.failed == nil {
		m.failed = err
	}
	return m.failed
}

// report returns the error of a rendering: the limit it passed or what the template raised, else what the engine says.
func (m *meter) report(err error) error {
	if m.failed != nil {
		return m.failed
	}
	s := err.Error()
	if len(s) > 2*maxWords { // the engine names every tag around the place
		s = s[:maxWords] + " ... " + s[len(s)-maxWords:]
	}
	return fmt.Errorf("chat: template: %s", s)
}

// step counts one unit of work.
func (m *meter) step() error {
	switch n := m.steps.Add(1); {
	case m.failed != nil:
		return m.failed
	case n > maxSteps:
		return m.fail(errSteps)
	case n%64 == 0 && time.Now().After(m.deadline):
		return m.fail(errTime)
	}
	return nil
}

// length checks the size of a string or output in bytes.
func (m *meter) length(n int) error {
	if n > m.limit {
		return m.fail(fmt.Errorf("chat: the template builds a text or list of more than %d bytes", m.limit))
	}
	return nil
}

// value checks the size of whatever a template computed. Shared parts count each time they appear, because printing
// writes them each time.
func (m *meter) value(v any) error {
	left := m.limit
	err := measure(reflect.ValueOf(v), &left, 0)
	switch {
	case errors.Is(err, errDepth):
		return m.fail(err)
	case err != nil:
		return m.length(m.limit + 1)
	}
	return nil
}

var errLarge = errors.New("large")

// itemSize stands for what a list or dictionary spends on an entry.
const itemSize = 16

func measure(v reflect.Value, left *int, depth int) error {
	if depth > maxDepth*4 { // each list in a list is up to four levels of Go values
		return errDepth
	}
	if *left -= itemSize; *left < 0 {
		return errLarge
	}
	if !v.IsValid() {
		return nil
	}
	if v.CanInterface() {
		if x, ok := v.Interface().(*exec.Value); ok {
			if x == nil {
				return nil
			}
			return measure(x.Val, left, depth+1)
		}
	}
	switch v.Kind() {
	case reflect.String:
		if *left -= v.Len(); *left < 0 {
			return errLarge
		}
	case reflect.Pointer, reflect.Interface:
		return measure(v.Elem(), left, depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := measure(v.Index(i), left, depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := errors.Join(measure(it.Key(), left, depth+1), measure(it.Value(), left, depth+1)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		// Dictionaries and pairs keep their parts in exported fields; other structs do not grow.
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				if err := measure(v.Field(i), left, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
