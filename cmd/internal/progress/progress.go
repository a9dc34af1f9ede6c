// Package progress shows how far a command has come that measures: on a terminal a bar with the
// figure so far, and everywhere a line that says what the whole will take, once one step is timed.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// A Bar shows the steps of a command. Its methods may be called from several goroutines.
type Bar struct {
	stderr io.Writer
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

// worth is the time from which on a run is announced, and silent how long the first step may take
// without a word.
const worth, silent = 20 * time.Second, 3 * time.Second

// telling is what steps must have taken before they say what all will take: the first of many short
// ones is mostly the start of the work.
const telling = 250 * time.Millisecond

// Start begins n steps of what a command does. A step is said in words ("a chunk of 512 tokens"),
// and so is what takes less ("--chunks N measures fewer", "" for nothing) and what Ctrl-C does
// ("prints what is measured").
func Start(stderr io.Writer, what string, n int, step, advice, keep string) *Bar {
	p := &Bar{stderr: stderr, what: what, step: step, advice: advice, keep: keep, steps: n, began: time.Now()}
	f, ok := plain.File(stderr)
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
func (p *Bar) announce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == 0 && !p.over {
		p.say("%s: %s; the first is being timed. Ctrl-C %s", p.what, p.count(p.steps), p.keep)
	}
}

// count is a number of steps in words.
func (p *Bar) count(n int) string {
	if n == 1 {
		return "1 step, " + p.step
	}
	return fmt.Sprintf("%d steps, each %s", n, p.step)
}

// To sets how many steps are done; figure, unless it is empty, is shown beside the bar: "PPL 21.41
// so far".
func (p *Bar) To(done int, figure string) {
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
	if spent := time.Since(p.began); done > 0 && !p.foretold && spent >= telling {
		p.foretold = true
		each, first := spent/time.Duration(done), "the first"
		if done > 1 {
			first = fmt.Sprintf("the first %d", done)
		}
		if total := each * time.Duration(p.steps); total >= worth && done < p.steps {
			line := fmt.Sprintf("%s: %s; %s took %s, so about %s in all. Ctrl-C %s", p.what, p.count(p.steps), first, Duration(spent), Duration(total), p.keep)
			if p.advice != "" {
				line += "; " + p.advice
			}
			p.say("%s", line)
		}
	}
}

// Next is one step more.
func (p *Bar) Next(figure string) { p.To(p.done+1, figure) }

// say prints a line above the bar.
func (p *Bar) say(format string, args ...any) {
	if p.shown {
		p.bar.Clear()
	}
	fmt.Fprintf(p.stderr, format+"\n", args...)
	if p.shown {
		p.bar.RenderBlank()
	}
}

// Above writes to the terminal with the bar out of the way.
func (p *Bar) Above(write func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && !p.over {
		p.bar.Clear()
		defer p.bar.RenderBlank()
	}
	return write()
}

// Finish takes the bar away. It may be called twice.
func (p *Bar) Finish() {
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

// Duration is a time as people say it: 3.2 s, 42 s, 25 min, 3 h 10 min, 87 h.
func Duration(d time.Duration) string {
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
