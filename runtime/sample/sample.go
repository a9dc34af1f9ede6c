package sample

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Options restrict what may be drawn. The zero value is greedy.
type Options struct {
	Temperature float64 // divides the logits; 0 or less is greedy
	TopK        int     // keep the k most probable; 0 for all
	TopP        float64 // keep the fewest whose probabilities sum to p, one at least; 1 for all
	MinP        float64 // keep those at least p times as probable as the first; 0 for all
	// divides positive logits of recent tokens and multiplies negative ones; 1 for none
	Repeat     float64
	Presence   float64 // taken off the logit of a recent token; 0 for none
	Frequency  float64 // the same, for every time that it is there
	RepeatLast int     // how many tokens are recent; 0 for none
	Seed       uint64

	Bias map[int32]float32 // added to logits, by token, before all else; nil for none
}

// maxRecent bounds RepeatLast.
const maxRecent = 1 << 20

// Check names an option that is out of range, by the name of its flag.
func (o Options) Check() error {
	finite := func(v float64) bool { return v-v == 0 }
	for _, c := range []struct {
		name string
		v    any
		ok   bool
		want string
	}{
		{"temp", o.Temperature, finite(o.Temperature), "a finite number, 0 for greedy"},
		{"top-k", o.TopK, o.TopK >= 0, "1 or more, 0 for all"},
		{"top-p", o.TopP, o.TopP >= 0 && o.TopP <= 1, "0 to 1"},
		{"min-p", o.MinP, o.MinP >= 0 && o.MinP <= 1, "0 to 1"},
		{"repeat-penalty", o.Repeat, o.Repeat > 0 && finite(o.Repeat), "a number above 0, 1 for none"},
		{"presence-penalty", o.Presence, finite(o.Presence), "a finite number, 0 for none"},
		{"frequency-penalty", o.Frequency, finite(o.Frequency), "a finite number, 0 for none"},
		{"repeat-last-n", o.RepeatLast, o.RepeatLast >= 0 && o.RepeatLast <= maxRecent, fmt.Sprintf("0 to %d", maxRecent)},
	} {
		if !c.ok {
			return fmt.Errorf("--%s %v: want %s", c.name, c.v, c.want)
		}
	}
	for id, b := range o.Bias {
		if !finite(float64(b)) {
			return fmt.Errorf("the bias %v of token %d: want a finite number", b, id)
		}
	}
	return nil
}

// Sampler draws tokens. It keeps its memory between calls and is not for concurrent use.
type Sampler struct {
	o      Options
	rand   *rand.Rand
	recent []int32       // the last RepeatLast tokens, a ring
	oldest int           // of the ring, once it is full
	counts map[int32]int // how often each is in it
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
	return &Sampler{o: o, counts: map[int32]int{}, rand: rand.New(rand.NewPCG(o.Seed, 0x6b7667656e))}
}

// Accept notes a token of the text, drawn or given, for the repeat penalty.
func (s *Sampler) Accept(id int32) {
	if s.o.RepeatLast <= 0 {
		return
	}
	if len(s.recent) < s.o.RepeatLast {
		s.recent = append(s.recent, id)
	} else {
		gone := s.recent[s.oldest]
		if s.counts[gone]--; s.counts[gone] == 0 {
			delete(s.counts, gone)
		}
		s.recent[s.oldest] = id
		s.oldest = (s.oldest + 1) % len(s.recent)
	}
	s.counts[id]++
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

// Draw picks a token. logits are not changed; there must be at least one. A NaN and -Inf have
// probability 0.
func (s *Sampler) Draw(logits []float32) int32 {
	if s.plain() {
		return Greedy(logits)
	}
	s.c = s.c[:0]
	for i, v := range logits {
		s.candidate(i, v)
	}
	if len(s.c) == 0 {
		return Greedy(logits)
	}
	return s.draw()
}

// DrawAllowed is Draw among the tokens whose bit is set: bit id%64 of allowed[id/64]. It is false
// where there is none, or none whose logit is a number.
func (s *Sampler) DrawAllowed(logits []float32, allowed []uint64) (id int32, ok bool) {
	s.c = s.c[:0]
	for w, word := range allowed {
		for ; word != 0; word &= word - 1 {
			if i := 64*w + bits.TrailingZeros64(word); i < len(logits) {
				s.candidate(i, logits[i])
			}
		}
	}
	if len(s.c) == 0 {
		return 0, false
	}
	if s.plain() {
		return slices.MinFunc(s.c, before).id, true
	}
	return s.draw(), true
}

// plain says whether the token with the largest logit is drawn.
func (s *Sampler) plain() bool {
	return s.o.Temperature <= 0 && !s.penalises() && len(s.o.Bias) == 0
}

// penalises says whether logits of recent tokens change.
func (s *Sampler) penalises() bool {
	return len(s.recent) > 0 && (s.o.Repeat > 0 && s.o.Repeat != 1 || s.o.Presence != 0 || s.o.Frequency != 0)
}

// candidate adds a token, unless its logit is a NaN or -Inf.
func (s *Sampler) candidate(id int, logit float32) {
	if logit >= -math.MaxFloat32 {
		s.c = append(s.c, candidate{id: int32(id), logit: logit})
	}
}

// draw picks one of the candidates, which are in order of id.
func (s *Sampler) draw() int32 {
	for id, b := range s.o.Bias {
		if k, ok := s.find(id); ok {
			s.c[k].logit += b
		}
	}
	if s.penalises() {
		s.penalise()
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

// find is the candidate of a token. Candidates are in order of id; some are left out.
func (s *Sampler) find(id int32) (int, bool) {
	return slices.BinarySearchFunc(s.c, id, func(c candidate, id int32) int { return int(c.id - id) })
}

// penalise makes recent tokens less probable.
func (s *Sampler) penalise() {
	for id, n := range s.counts {
		k, ok := s.find(id)
		if !ok {
			continue
		}
		c := &s.c[k]
		switch {
		case s.o.Repeat <= 0:
		case c.logit > 0:
			c.logit /= float32(s.o.Repeat)
		default:
			c.logit *= float32(s.o.Repeat)
		}
		c.logit -= float32(s.o.Presence + float64(n)*s.o.Frequency)
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

// prune drops candidates that cannot be among the first k, so that a large vocabulary is not
// sorted: the k-th logit of a part of them is a bound.
func (s *Sampler) prune(k int) {
	part := slices.Clone(s.c[:min(len(s.c), 4*k)])
	slices.SortFunc(part, before)
	bound := part[k-1].logit
	s.c = slices.DeleteFunc(s.c, func(c candidate) bool { return c.logit < bound })
}

// weigh computes the probabilities at a temperature; they sum to 1.
func (s *Sampler) weigh(temperature float64) {
	sum := 0.0
	top := s.c[0].logit
	for i := range s.c {
		s.c[i].p = 1 // also of one infinity beside another, whose difference is no number
		if l := s.c[i].logit; l != top {
			s.c[i].p = math.Exp(float64(l-top) / temperature)
		}
		sum += s.c[i].p
	}
	for i := range s.c {
		s.c[i].p /= sum
	}
}

// topP keeps the fewest first candidates whose probabilities reach p.
func (s *Sampler) topP() {
	if s.o.TopP >= 1 {
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
