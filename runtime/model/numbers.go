package model

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/cpu"
)

// Logits must be numbers: NaN and +Inf end what runs. What comes before them need not be looked at,
// since every operation hands a NaN on, but for rows of the cache, which package kv looks at. -Inf
// is a probability of 0.

// NotNumbers is a row of logits, or the vector that they are made of, with something in it that is
// no number, as an error.
type NotNumbers struct {
	Seq, Position int     // of the token; Position is -1 where only the caller knows it
	Token         int     // whose logit it is, -1 for a vector before the output matrix
	Value         float32 // NaN, +Inf or, where all logits are that, -Inf

	number int // of the token in the call
}

func (e *NotNumbers) Error() string {
	what := "the hidden state is no number"
	if e.Token >= 0 {
		what = fmt.Sprintf("the logit of token %d is %v", e.Token, e.Value)
	}
	at := ""
	switch {
	case e.Position >= 0 && e.Seq > 0:
		at = fmt.Sprintf("sequence %d, position %d: ", e.Seq, e.Position)
	case e.Position >= 0:
		at = fmt.Sprintf("position %d: ", e.Position)
	}
	return at + what + ": the weights are damaged, or their values overflow"
}

// numbers refuses a row of logits, of a call's token of that number.
func numbers(logits []float32, number int) error {
	if top := cpu.Max(logits); top-top == 0 { // neither NaN nor infinite
		return nil
	}
	bad := 0
	for i, v := range logits {
		if v != v || v > 0 && v-v != 0 {
			bad = i
			break
		}
	}
	return &NotNumbers{Position: -1, Token: bad, Value: logits[bad], number: number}
}

// hiddenNumbers refuses vectors of n values each, of a call's tokens from that number on.
func hiddenNumbers(hidden []float32, n, number int) error {
	for i := 0; len(hidden) > 0; i, hidden = i+1, hidden[n:] {
		if s := cpu.SumSquares(hidden[:n]); s-s != 0 {
			return &NotNumbers{Position: -1, Token: -1, number: number + i}
		}
	}
	return nil
}

// placed gives an error of numbers its place, by the position of the call's first token.
func placed(err error, seq, first int) error {
	if err == nil {
		return nil
	}
	var n *NotNumbers
	if errors.As(err, &n) && n.Position < 0 {
		n.Seq, n.Position = seq, first+n.number
	}
	return err
}
