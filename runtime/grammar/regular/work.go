package regular

import (
	"context"
	"fmt"
)

// MaxWork is how many steps one grammar may take: about a second of a processor. A step is a
// transition of an automaton, or what takes about as long.
const MaxWork = 1 << 26

// Work counts what a grammar takes while it is made, in steps and not in time, so that a schema is
// taken on every machine or on none. It is for one goroutine; nil counts nothing.
type Work struct {
	ctx   context.Context
	left  int
	limit int
	look  int // steps until ctx is looked at
	err   error
}

// TooMuch is a grammar that takes more steps than one may.
type TooMuch struct{ Limit int }

func (t TooMuch) Error() string {
	return fmt.Sprintf("to make automata of it takes more than %d steps", t.Limit)
}

// NewWork has so many steps. It ends with ctx, too.
func NewWork(ctx context.Context, steps int) *Work {
	return &Work{ctx: ctx, left: steps, limit: steps, look: lookEvery}
}

// lookEvery is after how many steps a context is looked at: in well under a millisecond.
const lookEvery = 1 << 14

// Spend counts steps before they are taken. Its error is that of all later calls, too.
func (w *Work) Spend(steps int) error {
	if w == nil || w.err != nil {
		return w.Err()
	}
	if w.left -= steps; w.left < 0 || steps < 0 {
		w.err = TooMuch{w.limit}
	} else if w.look -= steps; w.look < 0 {
		w.look, w.err = lookEvery, w.ctx.Err()
	}
	return w.err
}

// Err is the error of the last Spend.
func (w *Work) Err() error {
	if w == nil {
		return nil
	}
	return w.err
}

// Spent is how many steps were taken.
func (w *Work) Spent() int { return w.limit - w.left }
