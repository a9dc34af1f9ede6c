package host

import (
	"math"
	"slices"
	"sync"

	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Token is one that was drawn.
type Token struct {
	ID      int32
	Text    string // its bytes, which need not be UTF-8
	Logprob float64
	Top     []Token // the most probable at its place, the first first
}

// least is the log probability of what has none, as OpenAI's API has it.
const least = -9999

// drawn collects the tokens of an answer.
type drawn struct {
	t            *tokenizer.Tokenizer
	alternatives int

	mu  sync.Mutex
	all []Token
}

// observe is the Observe of a serve.Request. Probabilities are those of the model, before any
// restriction of what may be drawn.
func (d *drawn) observe(id int32, logits []float32) {
	if d.t.IsEOG(id) {
		return
	}
	norm := logSum(logits)
	token := func(id int32) Token {
		return Token{ID: id, Text: d.t.Piece(id), Logprob: max(float64(logits[id])-norm, least)}
	}
	one := token(id)
	for _, i := range most(logits, d.alternatives) {
		one.Top = append(one.Top, token(i))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

// take is what was drawn since the last time.
func (d *drawn) take() []Token {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.all
	d.all = nil
	return all
}

// logSum is the logarithm of the sum of the exponentials.
func logSum(logits []float32) float64 {
	top := math.Inf(-1)
	for _, l := range logits {
		top = max(top, float64(l))
	}
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - top)
	}
	return top + math.Log(sum)
}

// most are the n largest logits, the first of equal ones first.
func most(logits []float32, n int) (ids []int32) {
	for i, l := range logits {
		if len(ids) == n && (n == 0 || l <= logits[ids[n-1]]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(ids, l, func(id int32, l float32) int {
			if logits[id] >= l {
				return -1
			}
			return 1
		})
		if len(ids) == n {
			ids = ids[:n-1]
		}
		ids = slices.Insert(ids, at, int32(i))
	}
	return ids
}
