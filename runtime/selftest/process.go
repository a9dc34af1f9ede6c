package selftest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"time"
)

// event is a line that a process with a test tells the one that started it: a step begins, or has
// ended with what it added to the report.
type event struct {
	Step   int     `json:"step"`
	Ended  bool    `json:"ended,omitempty"`
	Checks []Check `json:"checks,omitempty"`
	Speeds []Speed `json:"speeds,omitempty"`
}

// Serve runs the steps from one on and tells w of each, for Supervise. It ends early where a step
// has lost the GPU: another process may open it again.
func Serve(ctx context.Context, o Options, first int, w io.Writer) error {
	o.Step = nil
	r := newRun(ctx, o)
	tell := json.NewEncoder(w)
	for i := first; i < len(r.steps) && ctx.Err() == nil; i++ {
		if err := tell.Encode(event{Step: i}); err != nil {
			return err
		}
		r.report.Checks, r.report.Speeds = nil, nil
		r.take(i)
		if ctx.Err() != nil {
			return ctx.Err() // the step may have been cut off
		}
		if err := tell.Encode(event{Step: i, Ended: true, Checks: r.report.Checks, Speeds: r.report.Speeds}); err != nil {
			return err
		}
		if r.GPU != nil && r.GPU.Backend.Queue.Sync() != nil {
			return nil
		}
	}
	return ctx.Err()
}

// Supervise runs the test in processes that start makes, which Serve from a step on. A step that
// ends its process is one that failed, and the next process goes on after it. o is as the processes
// have it; its GPU is not used.
func Supervise(ctx context.Context, o Options, start func(first int) *exec.Cmd) *Report {
	begin := time.Now()
	r := newRun(ctx, o)
	next := 0
	for next < len(r.steps) && ctx.Err() == nil {
		before := next
		why := r.follow(start(next), &next)
		if next == before && ctx.Err() == nil { // it has begun nothing
			c := r.steps[next].check
			c.Verdict, c.Error = Broken, "no process can be started for it: "+why
			r.report.Checks = append(r.report.Checks, c)
			next++
			r.report.NotRun = len(r.steps) - next
			break
		}
	}
	if ctx.Err() != nil {
		r.report.NotRun = len(r.steps) - next
	}
	r.report.finish(time.Since(begin))
	return r.report
}

// follow runs one process to its end. next is moved to the first step that it leaves to do.
func (r *run) follow(cmd *exec.Cmd, next *int) (why string) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return withoutPaths(err.Error())
	}
	running := -1
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if err != nil || json.Unmarshal(line, &e) != nil || e.Step != *next || e.Step >= len(r.steps) {
			break
		}
		if !e.Ended {
			running = e.Step
			if r.Step != nil {
				r.Step(r.steps[running].check.String(), len(r.steps))
			}
			continue
		}
		r.report.Checks, r.report.Speeds = append(r.report.Checks, e.Checks...), append(r.report.Speeds, e.Speeds...)
		running, *next = -1, e.Step+1
	}
	io.Copy(io.Discard, lines)
	err = cmd.Wait()
	if why = withoutPaths(lastLines(errs.String())); err != nil {
		why = strings.TrimSpace(err.Error() + "\n" + why)
	}
	if running >= 0 && r.ctx.Err() == nil {
		c := r.steps[running].check
		c.Verdict, c.Error = Broken, "it ended the process: "+why
		r.report.Checks = append(r.report.Checks, c)
		*next = running + 1
	}
	return why
}

// lastLines is the end of what a process said, or of Go's report of a crash the beginning.
func lastLines(text string) string {
	if at := strings.Index(text, "\ngoroutine "); at >= 0 {
		text = text[:at]
	}
	const most = 2000
	return strings.TrimSpace(text[max(0, len(text)-most):])
}
