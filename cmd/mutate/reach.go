//go:build peers

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// trace runs a suite without a fault and writes down, for each test, the functions with faults that
// ran while it did, in its process or in one that it started. It errs on the side of too many:
// what ran before the first test counts for all, and what ran while a test began or several were
// running counts for each of them.
//
// What a test takes from an earlier one, a value that is made once, counts for the earlier one
// alone.
func (w *work) trace(ctx context.Context, s suite, functions int) (suite, error) {
	marks := filepath.Join(w.dir, "reach")
	if err := os.WriteFile(marks, make([]byte, max(functions, 1)), 0o666); err != nil {
		return s, err
	}
	var args []string
	if s.Args == nil {
		args = []string{"-test.v=test2json"}
	}
	cmd := w.start(ctx, s, nil, args...)
	cmd.Env = append(cmd.Env, reachVariable+"="+marks)
	// A file: all that a process has said by now is in it.
	said, err := os.Create(filepath.Join(w.dir, "said"))
	if err != nil {
		return s, err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	t, err := newTracer(marks, said.Name())
	if err != nil {
		return s, err
	}
	defer t.close()
	ended, err := t.follow(cmd)
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", s.Name, err)
	}
	s.Tests = t.result()
	if s.Args != nil {
		s.Tests = []test{{Seconds: t.seconds, Reaches: t.before}}
	}
	if ended != nil && !slices.ContainsFunc(s.Tests, func(t test) bool { return t.Fails }) {
		return s, fmt.Errorf("%s fails without a fault: %w, see %s", s.Name, ended, said.Name())
	}
	return s, nil
}

// A tracer follows the tests of one process.
type tracer struct {
	marks, said *os.File
	lines       *bufio.Reader
	part        string // of a line that is not whole yet
	seconds     float64
	order       []*test
	tests       map[string]*test
	began       map[*test]time.Time
	running     map[*test]bool
	alive       map[*test]bool // running at some time since the marks were last cleared but one
	before      []int          // what ran before the first test
}

func newTracer(marks, said string) (*tracer, error) {
	m, err := os.OpenFile(marks, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s, err := os.Open(said)
	if err != nil {
		m.Close()
		return nil, err
	}
	return &tracer{
		marks: m, said: s, lines: bufio.NewReader(s), tests: map[string]*test{},
		began: map[*test]time.Time{}, running: map[*test]bool{}, alive: map[*test]bool{},
	}, nil
}

func (t *tracer) close() { t.marks.Close(); t.said.Close() }

// runner is what follow needs of an exec.Cmd.
type runner interface {
	Start() error
	Wait() error
}

// follow runs a process and looks at it every few milliseconds. The first error is the process's.
func (t *tracer) follow(cmd runner) (ended, err error) {
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end := make(chan error, 1)
	go func() { end <- cmd.Wait() }()
	for {
		select {
		case ended := <-end:
			t.seconds = time.Since(begin).Seconds()
			return ended, t.look()
		case <-time.After(5 * time.Millisecond):
			if err = t.look(); err != nil {
				return <-end, err
			}
		}
	}
}

// look takes the marks and then reads what was said. A test says that it begins before it runs, so
// whoever set a mark is among those that ran since the look before the last.
func (t *tracer) look() error {
	found, err := t.take()
	if err != nil {
		return err
	}
	if len(t.order) == 0 {
		t.before = union(t.before, found)
	}
	now := map[*test]bool{}
	for one := range t.running {
		now[one] = true
	}
	for {
		piece, err := t.lines.ReadString('\n')
		t.part += piece
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if _, event, ok := strings.Cut(t.part, "\x16"); ok {
			t.event(event, now)
		}
		t.part = ""
	}
	for _, which := range []map[*test]bool{t.alive, now} {
		for one := range which {
			one.Reaches = union(one.Reaches, found)
		}
	}
	t.alive = now
	return nil
}

// event is a line of -test.v=test2json, such as "=== RUN   TestX". Subtests belong to their tests.
func (t *tracer) event(line string, alive map[*test]bool) {
	words := strings.Fields(line)
	if len(words) < 3 || strings.Contains(words[2], "/") {
		return
	}
	word, one := strings.TrimSuffix(words[1], ":"), t.tests[words[2]]
	if word == "RUN" && one == nil {
		one = &test{Name: words[2]}
		t.tests[one.Name] = one
		t.order = append(t.order, one)
	}
	if one == nil {
		return
	}
	switch word {
	case "RUN", "CONT":
		if !t.running[one] {
			t.began[one] = time.Now()
		}
		t.running[one], alive[one] = true, true
	case "PAUSE", "PASS", "FAIL", "SKIP":
		if t.running[one] {
			one.Seconds += time.Since(t.began[one]).Seconds()
		}
		one.Fails = word == "FAIL"
		delete(t.running, one)
	}
}

// take reads the marks and clears those that are set.
func (t *tracer) take() (found []int, err error) {
	info, err := t.marks.Stat()
	if err != nil {
		return nil, err
	}
	marks := make([]byte, info.Size())
	if _, err := t.marks.ReadAt(marks, 0); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		next := bytes.IndexByte(marks[n:], 1)
		if next < 0 {
			return found, nil
		}
		n += next
		found = append(found, n)
		if _, err := t.marks.WriteAt([]byte{0}, int64(n)); err != nil {
			return nil, err
		}
	}
}

// result is the tests in the order in which they began.
func (t *tracer) result() (all []test) {
	for _, one := range t.order {
		one.Reaches = union(one.Reaches, t.before)
		all = append(all, *one)
	}
	return all
}

// union is the sorted numbers of both.
func union(a, b []int) []int {
	if len(b) == 0 {
		return a
	}
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
