package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Options restrict what may be drawn. The zero value is greedy.
type Options struct {
	Temperature float64 // divides the logits; 0 or less is greedy
	TopK        int     // keep the k most probable; 0 for all
	TopP        float64 // keep the fewest whose probabilities sum to p; 0, 1 or more for all
	MinP        float64 // keep those at least p times as probable as the first; 0 for all
	Repeat      float64 // divides positive logits of recent tokens and multiplies negative ones; 0 or 1 for none
	RepeatLast  int     // how many tokens are recent
	Seed        uint64
}

// Check names an option that is out of range.
func (o Options) Check() error {
	for _, c := range []struct {
		name     string
		v        float64
		min, max float64
	}{
		{"temp", o.Temperature, math.Inf(-1), math.MaxFloat64}, {"top-k", float64(o.TopK), 0, math.MaxFloat64},
		{"top-p", o.TopP, 0, math.MaxFloat64}, {"min-p", o.MinP, 0, 1},
		{"repeat-penalty", o.Repeat, 0, math.MaxFloat64}, {"repeat-last-n", float64(o.RepeatLast), 0, 1 << 20},
	} {
		if !(c.v >= c.min && c.v <= c.max) {
			return fmt.Errorf("%s = %v: it must be %v to %v", c.name, c.v, c.min, c.max)
		}
	}
	return nil
}

// Sampler draws tokens. It keeps its memory between calls and is not for concurrent use.
type Sampler struct {
	o      Options
	rand   *rand.Rand
	recent []int32
	c      []candidate
}

// candidate is a token with its logit, and its probability once known.
type candidate struct {
	id    int32
	logit float32
	p     float64
}

// New makes a sampler; the same options give the same draws from the same logits.
func New(o Options) *Sampler {
	return &Sampler{o: o, rand: rand.New(rand.NewPCG(o.Seed, 0x6b7667656e))}
}

// Accept notes a token of the text, drawn or given, for the repeat penalty.
func (s *Sampler) Accept(id int32) {
	if s.o.RepeatLast <= 0 {
		return
	}
	if len(s.recent) == s.o.RepeatLast {
		copy(s.recent, s.recent[1:])
		s.recent = s.recent[:len(s.recent)-1]
	}
	s.recent = append(s.recent, id)
}

// Greedy is the first token with the largest logit; a NaN is never it.
func Greedy(logits []float32) int32 {
	best := 0
	for i, v := range logits {
		if b := logits[best]; v > b || b != b && v == v {
			best = i
		}
	}
	return int32(best)
}

// Draw picks a token. logits are left as they are; there must be one at least.
func (s *Sampler) Draw(logits []float32) int32 {
	penalised := s.o.Repeat > 0 && s.o.Repeat != 1 && len(s.recent) > 0
	if s.o.Temperature <= 0 && !penalised {
		return Greedy(logits)
	}
	s.c = s.c[:0]
	for i, v := range logits {
		if v == v {
			s.c = append(s.c, candidate{id: int32(i), logit: v})
		}
	}
	if len(s.c) == 0 {
		return 0
	}
	if penalised {
		s.penalise(len(logits))
	}
	s.topK()
	if s.o.Temperature <= 0 {
		return s.c[0].id
	}
	s.weigh(1)
	s.topP()
	s.minP()
	s.weigh(s.o.Temperature)
	return s.pick()
}

// penalise makes recent tokens less probable, each once.
func (s *Sampler) penalise(vocab int) {
	for i, id := range s.recent {
		if slices.Contains(s.recent[:i], id) || id < 0 || int(id) >= vocab {
			continue
		}
		// Candidates are in order of id, but for those that are NaN.
		k, ok := slices.BinarySearchFunc(s.c, id, func(c candidate, id int32) int { return int(c.id - id) })
		if !ok {
			continue
		}
		if c := &s.c[k]; c.logit > 0 {
			c.logit /= float32(s.o.Repeat)
		} else {
			c.logit *= float32(s.o.Repeat)
		}
	}
}

// topK sorts the candidates, the most probable first and equals by id, and keeps the first k.
func (s *Sampler) topK() {
	k := s.o.TopK
	if k <= 0 || k > len(s.c) {
		k = len(s.c)
	}
	if k < len(s.c)/8 {
		s.prune(k)
	}
	slices.SortFunc(s.c, before)
	s.c = s.c[:min(k, len(s.c))]
}

func before(a, b candidate) int {
	switch {
	case a.logit > b.logit:
		return -1
	case a.logit < b.logit:
		return 1
	}
	return int(a.id - b.id)
}

// prune drops candidates that cannot be among the first k, so that a large vocabulary is not sorted: the k-th logit of a
// part of them is a bound.
func (s *Sampler) prune(k int) {
	part := slices.Clone(s.c[:min(len(s.c), 4*k)])
	slices.SortFunc(part, before)
	bound := part[k-1].logit
	s.c = slices.DeleteFunc(s.c, func(c candidate) bool { return c.logit < bound })
}

// weigh computes the probabilities at a temperature; they sum to 1.
func (s *Sampler) weigh(temperature float64) {
	sum := 0.0
	for i := range s.c {
		s.c[i].p = math.Exp(float64(s.c[i].logit-s.c[0].logit) / temperature)
		sum += s.c[i].p
	}
	for i := range s.c {
		s.c[i].p /= sum
	}
}

// topP keeps the fewest first candidates whose probabilities reach p.
func (s *Sampler) topP() {
	if s.o.TopP <= 0 || s.o.TopP >= 1 {
		return
	}
	sum := 0.0
	for i := range s.c {
		if sum += s.c[i].p; sum >= s.o.TopP {
			s.c = s.c[:i+1]
			return
		}
	}
}

// minP drops what is far less probable than the first.
func (s *Sampler) minP() {
	for i := range s.c {
		if s.c[i].p < s.o.MinP*s.c[0].p {
			s.c = s.c[:i]
			return
		}
	}
}

// pick draws by probability.
func (s *Sampler) pick() int32 {
	r := s.rand.Float64()
	for i := range s.c {
		if r -= s.c[i].p; r < 0 {
			return s.c[i].id
		}
	}
	return s.c[len(s.c)-1].id
}
