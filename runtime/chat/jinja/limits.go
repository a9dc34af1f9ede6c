package jinja

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on one template. The largest published ones have 20 KB, blocks inside 12 others and
// expressions of 100 tokens.
const (
	maxSource  = 256 << 10 // bytes of a template
	maxBlocks  = 90        // blocks inside blocks
	maxNesting = 120       // expressions inside expressions
	maxChain   = 500       // operators, filters and subscripts in a row
	maxCopies  = 5_000_000 // names times branches that assign them
	maxKey     = 1 << 16   // bytes of a tuple as a key
)

// Limits on one rendering. A step is the evaluation of one node, one round of a loop or some 256
// bytes written.
const (
	maxSteps = 40_000_000
	// of the wall clock; steps end a rendering long before on an idle machine
	maxTime  = 10 * time.Second
	maxCalls = 100     // macros, recursive loops and blocks inside each other
	maxDepth = 100     // values inside values
	maxRange = 100_000 // numbers of a range, as in jinja2's sandbox
	maxInt   = 1 << 16 // bits of an integer
)

// Bytes that a rendering may build grow with what it is given.
const (
	valueBase, valueTimes = 8 << 20, 16 // of one value or the output
	// of all values together between two looks at what is left of them
	totalBase, totalTimes = 96 << 20, 64
)

// Error is why a template cannot be parsed or a conversation not be rendered.
type Error struct {
	Line    int    // of the template, from 1; 0 when it is not known
	Message string // in jinja2's or Python's words where they are known
	Raised  bool   // the template itself refused, by raise_exception
	Limit   bool   // a limit of this package was passed
}

const maxWords = 400 // bytes of a message that are shown

func (e *Error) Error() string {
	s := visible(e.Message)
	if e.Line == 0 || e.Raised {
		return s
	}
	return fmt.Sprintf("line %d: %s", e.Line, s)
}

// visible is s without control characters, since templates come with models and errors go to
// terminals. Its middle is cut when it is long.
func visible(s string) string {
	if len(s) > maxWords {
		head, tail := s[:maxWords*3/4], s[len(s)-maxWords/4:]
		for len(head) > 0 && !utf8.ValidString(head[max(0, len(head)-4):]) && len(s)-len(head) < len(s) {
			if r, n := utf8.DecodeLastRuneInString(head); r != utf8.RuneError || n > 1 {
				break
			}
			head = head[:len(head)-1]
		}
		for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
		s = head + " ... " + tail
	}
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || printable(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(escaped(r))
		}
	}
	return b.String()
}

// fail ends the rendering or parsing in hand. Its panic does not leave the package: Parse and
// Render recover it.
func fail(format string, args ...any) {
	panic(&Error{Message: fmt.Sprintf(format, args...)})
}

func failLimit(format string, args ...any) {
	panic(&Error{Message: fmt.Sprintf(format, args...), Limit: true})
}

// meter counts what a rendering uses.
type meter struct {
	// steps so far, bytes since a look, their limit, the limit of one value
	steps, bytes, total, value int64
	calls                      int
	heap                       int64 // bytes of the process before
	start                      time.Time
}

func newMeter(given int64) *meter {
	return &meter{total: totalBase + totalTimes*given, value: valueBase + valueTimes*given, start: time.Now(), heap: heap()}
}

// step counts n units of work.
func (m *meter) step(n int) {
	before := m.steps
	m.steps += int64(n)
	if m.steps > maxSteps {
		failLimit("the template takes more than %d steps", maxSteps)
	}
	if before>>13 != m.steps>>13 && time.Since(m.start) > maxTime {
		failLimit("the template runs for more than %v", maxTime)
	}
}

// grow counts a new value of n bytes, before it is made.
func (m *meter) grow(n int64) {
	if n < 0 || n > m.value {
		failLimit("the template builds a value of more than %d bytes", m.value)
	}
	if m.bytes += n; m.bytes > m.total {
		m.collect()
	}
	m.step(int(n>>8) + 1)
}

// collect asks what is left of the values that were built. Templates that put a text together bit
// by bit leave much behind.
func (m *meter) collect() {
	runtime.GC()
	if m.bytes = max(0, heap()-m.heap); m.bytes > m.total/2 {
		failLimit("the template holds values of more than %d bytes together", m.total/2)
	}
}

// heap is the bytes of all objects of the process.
func heap() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

const itemSize = 16 // bytes of an entry of a list

// enter and leave count calls inside calls.
func (m *meter) enter() {
	if m.calls++; m.calls > maxCalls {
		failLimit("the template nests more than %d calls", maxCalls)
	}
}

func (m *meter) leave() { m.calls-- }

// deep checks how far a walk is inside a value.
func deep(depth int) {
	if depth > maxDepth {
		failLimit("the template nests more than %d values", maxDepth)
	}
}
