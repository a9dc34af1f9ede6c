package generate

import (
	"errors"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Options say how a text is continued and when it ends.
type Options struct {
	Sampling  sample.Options
	Limit     int      // tokens to generate at most; below 0 for no limit
	Stop      []string // texts that end it, of which nothing is given out; none may be empty
	IgnoreEnd bool     // go on after a token that ends a text; not with Grammar

	// Grammar holds the text to a grammar, nil for none. A token that ends a text is drawn only
	// where the text is complete; one that nothing may follow ends with StopEnd. It is of the
	// tokenizer's vocabulary.
	Grammar *grammar.Grammar

	// When the context of a Sequence is full, the older half of it is dropped but for the first
	// Keep tokens; with NoShift it stops.
	Keep    int
	NoShift bool
}

// Stop says why a text ended, in words; "" for one that goes on.
type Stop = string

// The reasons.
const (
	StopEnd         Stop = "end of text"         // the model ended it
	StopString      Stop = "stop string"         // one of Options.Stop came
	StopLimit       Stop = "limit"               // Options.Limit tokens are there
	StopFull        Stop = "context full"        // there is no position left
	StopInterrupted Stop = "interrupted"         // its context.Context ended
	StopNothing     Stop = "no token is allowed" // by Options.Grammar: Continuation.Err
)

// Continuation is one text that grows. It knows nothing of what runs the model: Next takes the
// logits after what is there and draws one token, which has to be run for the next logits.
type Continuation struct {
	Tokens []int32 // generated, without one that ended the text
	Stop   Stop    // "" while it goes on
	// the one of Options.Stop that ended it, "" for none
	Matched string

	Control func(text string) bool // of control tokens, those whose text is given out; nil for none

	// Observe is told of every token that is drawn, also of one that ends the text, with the logits
	// that it was drawn from, [Vocab], which are not its own to change or keep; nil for nobody.
	Observe func(id int32, logits []float32)

	// Begins gets the text as it comes, first "", and says when Options.Grammar holds: from the
	// next token on, to the end. A model may think before that, or end. nil is from the first.
	Begins func(text string) bool

	o       Options
	state   *grammar.State // nil for no grammar
	begun   bool           // the grammar holds
	before  grammar.Mask   // of tokens until then; made when it is wanted
	err     error
	t       *tokenizer.Tokenizer
	sampler *sample.Sampler
	stream  *tokenizer.Stream
	held    string // the end of the text so far, where a stop string may have begun
}

// NewContinuation is a text of nothing yet.
func NewContinuation(t *tokenizer.Tokenizer, o Options) *Continuation {
	return newContinuation(t, o, sample.New(o.Sampling))
}

func newContinuation(t *tokenizer.Tokenizer, o Options, s *sample.Sampler) *Continuation {
	c := &Continuation{o: o, t: t, sampler: s, stream: t.NewStream(false)}
	if o.Grammar != nil {
		c.state = o.Grammar.Start()
	}
	return c
}

// Accept notes tokens that stand before what is generated, for the repeat penalty.
func (c *Continuation) Accept(ids ...int32) {
	for _, id := range ids {
		c.sampler.Accept(id)
	}
}

// Full says whether there are as many tokens as there may be.
func (c *Continuation) Full() bool { return len(c.Tokens) == c.o.Limit }

// Last is the token that was drawn last, which is to be run for the next logits.
func (c *Continuation) Last() int32 { return c.Tokens[len(c.Tokens)-1] }

// Err says why the text ended with StopNothing.
func (c *Continuation) Err() error { return c.err }

// Next draws a token from logits, [Vocab], and returns the text that it completes. Where the text
// ends with it, Stop says why and the rest of the text is returned.
func (c *Continuation) Next(logits []float32) (text string) {
	id, err := c.draw(logits)
	if err != nil {
		c.err = err
		return c.End(StopNothing)
	}
	if c.Observe != nil {
		c.Observe(id, logits)
	}
	if c.t.IsEOG(id) && (!c.o.IgnoreEnd || c.begun) {
		return c.End(StopEnd)
	}
	c.Tokens = append(c.Tokens, id)
	c.sampler.Accept(id)
	text = c.stream.Next(id)
	if c.Control != nil && c.t.IsControl(id) && c.Control(c.t.Piece(id)) {
		text = c.stream.Flush() + c.t.Piece(id)
	}
	if c.state != nil && !c.begun {
		c.begun = c.Begins(text)
	}
	text, c.held, c.Stop = c.cut(c.held + text)
	switch {
	case c.Stop != "":
	case c.begun && c.state.Over():
		text += c.End(StopEnd)
	case c.Full():
		text += c.End(StopLimit)
	}
	return text
}

// draw draws a token, of those that the grammar allows if there is one.
func (c *Continuation) draw(logits []float32) (int32, error) {
	if c.state != nil && len(c.Tokens) == 0 {
		c.begun = c.Begins == nil || c.Begins("")
	}
	if c.state == nil {
		return c.sampler.Draw(logits), nil
	}
	if !c.begun {
		id, ok := c.sampler.DrawAllowed(logits, c.goOn(len(logits)))
		if !ok {
			return 0, errNoNumber
		}
		return id, nil
	}
	allowed, err := c.state.Mask()
	if err != nil {
		return 0, err
	}
	id, ok := c.sampler.DrawAllowed(logits, allowed)
	if !ok {
		return 0, errNoNumber
	}
	return id, c.state.Accept(id)
}

var errNoNumber = errors.New("generate: no token that the grammar allows has a logit that is a number")

// goOn is what may be drawn before the grammar holds: all but what ends a text. One that ended in
// its thinking would have nothing of what it is held to.
func (c *Continuation) goOn(n int) grammar.Mask {
	if c.before == nil {
		c.before = slices.Repeat(grammar.Mask{^uint64(0)}, (n+63)/64)
		for _, id := range c.t.EOG() {
			if int(id) < n {
				c.before[id>>6] &^= 1 << (id & 63)
			}
		}
	}
	return c.before
}

// End ends the text for a reason that its user has and returns what was held back of it: the
// beginning of a stop string that did not come, or of a character that never ended.
func (c *Continuation) End(why Stop) (rest string) {
	rest, c.held, c.Stop = c.held+c.stream.Flush(), "", why
	return rest
}

// cut divides text at a stop string: what may be given out, and what is held back since a stop
// string may have begun there.
func (c *Continuation) cut(text string) (out, held string, why Stop) {
	first, keep := len(text), 0
	for _, s := range c.o.Stop {
		if i := strings.Index(text, s); i >= 0 && i < first {
			first, why, c.Matched = i, StopString, s
		}
		for n := min(len(s)-1, len(text)); n > keep; n-- {
			if strings.HasSuffix(text, s[:n]) {
				keep = n
			}
		}
	}
	if why != "" {
		return text[:first], "", why
	}
	return text[:len(text)-keep], text[len(text)-keep:], ""
}
