package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// A pace shows the steps of a command that measures: on a terminal a bar, from the first moment on, with the figure so far; and
// everywhere a line that says what the whole will take, once one step is timed, where that is worth knowing.
type pace struct {
	e      *environment
	what   string // the command
	step   string // what a step is: "chunk of 512 tokens"
	advice string // what takes less, "" for nothing: "--chunks N measures fewer"
	keep   string // what Ctrl-C does: "prints what is measured"

	mu       sync.Mutex
	bar      *progressbar.ProgressBar
	shown    bool // there is a bar to see
	steps    int
	done     int
	began    time.Time
	foretold bool
	over     bool
	waiting  *time.Timer
}

// worth is the time from which on a run is announced, and silent how long the first step may take without a word.
const worth, silent = 20 * time.Second, 3 * time.Second

// pace begins n steps.
func (e *environment) pace(what string, n int, step, advice, keep string) *pace {
	p := &pace{e: e, what: what, step: step, advice: advice, keep: keep, steps: n, began: time.Now()}
	f, ok := plain.File(e.stderr)
	p.shown = ok && term.IsTerminal(int(f.Fd()))
	if p.shown {
		p.bar = progressbar.NewOptions(n, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish())
		p.bar.StartWithoutRender()
		p.bar.RenderBlank()
	} else {
		p.bar = progressbar.NewOptions(n, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetVisibility(false))
	}
	if n > 1 {
		p.waiting = time.AfterFunc(silent, p.announce)
	}
	return p
}

// announce says what is under way while the first step is.
func (p *pace) announce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == 0 && !p.over {
		p.say("%s: %s; the first is being timed. Ctrl-C %s", p.what, p.count(p.steps), p.keep)
	}
}

// count is a number of steps in words.
func (p *pace) count(n int) string {
	if n == 1 {
		return "1 step, " + p.step
	}
	return fmt.Sprintf("%d steps, each %s", n, p.step)
}

// to sets how many steps are done; figure, unless it is empty, is shown beside the bar: "PPL 21.41 so far".
func (p *pace) to(done int, figure string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.done = done
	if figure != "" && p.shown {
		p.bar.Describe(p.what + ", " + figure)
	}
	p.bar.Set(done)
	if done > 0 && !p.foretold {
		p.foretold = true
		each := time.Since(p.began) / time.Duration(done)
		if total := each * time.Duration(p.steps); total >= worth && done < p.steps {
			line := fmt.Sprintf("%s: %s; the first took %s, so about %s in all. Ctrl-C %s", p.what, p.count(p.steps), duration(each), duration(total), p.keep)
			if p.advice != "" {
				line += "; " + p.advice
			}
			p.say("%s", line)
		}
	}
}

// next is one step more.
func (p *pace) next(figure string) { p.to(p.done+1, figure) }

// say prints a line above the bar.
func (p *pace) say(format string, args ...any) {
	if p.shown {
		p.bar.Clear()
	}
	fmt.Fprintf(p.e.stderr, format+"\n", args...)
	if p.shown {
		p.bar.RenderBlank()
	}
}

// above writes to the terminal with the bar out of the way.
func (p *pace) above(write func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && !p.over {
		p.bar.Clear()
		defer p.bar.RenderBlank()
	}
	return write()
}

// finish takes the bar away. It may be called twice.
func (p *pace) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	if p.waiting != nil {
		p.waiting.Stop()
	}
	if p.shown {
		p.bar.Clear()
	}
}

// duration is a time as people say it: 3.2 s, 42 s, 25 min, 3 h 10 min, 87 h.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 10*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
