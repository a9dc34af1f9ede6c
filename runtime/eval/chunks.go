package eval

import (
	"context"
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Text is what is measured: the tokens of a text, special tokens added as the vocabulary says.
type Text struct {
	Tokens []int32
	BOS    int32 // takes the place of the first token of every chunk
	AddBOS bool  // whether it does
}

// Options say how.
type Options struct {
	Context int  // tokens of a chunk
	Chunks  int  // at most so many; 0 for all
	Decode  bool // token by token instead of in batches
}

// Scored is one scored position.
type Scored struct {
	Chunk  int       // from 0
	Pos    int       // position in the chunk whose logits these are
	Target int32     // the token that follows it
	Logits []float32 // [vocab], valid during the call
}

// notNumbers reports a position that has no likelihood: one such token would make every mean a NaN.
func (s Scored) notNumbers() error {
	return fmt.Errorf("chunk %d, position %d: the logits are no numbers, or leave the token that follows no probability: the weights are damaged, or their values overflow", s.Chunk, s.Pos)
}

// inChunk adds the chunk to an error about a NaN or an infinity.
func inChunk(k int, err error) error {
	if err == nil {
		return nil
	}
	var logits *model.NotNumbers
	var row *kv.Fault
	if errors.As(err, &logits) || errors.As(err, &row) {
		return fmt.Errorf("chunk %d: %w", k, err)
	}
	return err
}

// Count is the number of chunks that will be run, and an error when there are too few tokens.
func (o Options) Count(t Text) (int, error) {
	if o.Context < 4 {
		return 0, fmt.Errorf("chunks of %d tokens: want at least 4", o.Context)
	}
	if len(t.Tokens) < 2*o.Context {
		return 0, fmt.Errorf("the text has %d tokens: measuring with a context of %d takes at least %d", len(t.Tokens), o.Context, 2*o.Context)
	}
	n := len(t.Tokens) / o.Context
	if o.Chunks > 0 {
		n = min(n, o.Chunks)
	}
	return n, nil
}

// Scored is how many positions of a chunk are scored.
func (o Options) Scored() int { return o.Context - 1 - o.Context/2 }

// chunk copies chunk k to tokens, [Context].
func (t Text) chunk(tokens []int32, k int) {
	copy(tokens, t.Tokens[k*len(tokens):])
	if t.AddBOS {
		tokens[0] = t.BOS
	}
}

// Run calls visit for every scored position, chunk after chunk in order. It ends with the error of
// visit or when ctx is done, looked at between batches.
func Run(ctx context.Context, c *model.Context, t Text, o Options, visit func(Scored) error) error {
	n, err := o.Count(t)
	if err != nil {
		return err
	}
	if c.Cache.Size < o.Context-1 {
		return fmt.Errorf("chunks of %d tokens do not fit a context of %d", o.Context, c.Cache.Size)
	}
	tokens := make([]int32, o.Context)
	for k := range n {
		t.chunk(tokens, k)
		c.Clear()
		step := c.Batch
		if o.Decode {
			step = 1
		}
		// The last token is only a target.
		for lo := 0; lo < o.Context-1; lo += step {
			if err := ctx.Err(); err != nil {
				return err
			}
			hi := min(lo+step, o.Context-1)
			err := c.Eval(tokens[lo:hi], max(0, o.Context/2-lo), func(i int, logits []float32) error {
				return visit(Scored{Chunk: k, Pos: lo + i, Target: tokens[lo+i+1], Logits: logits})
			})
			if err != nil {
				return inChunk(k, err)
			}
		}
	}
	return nil
}
