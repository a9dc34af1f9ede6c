package serve

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// step lets texts in, runs one batch and draws from it. It says whether there was one.
func (s *Scheduler) step() (bool, error) {
	s.clock++
	s.giveUp()
	if err := s.admit(); err != nil {
		return false, err
	}
	if err := s.follow(); err != nil {
		return false, err
	}
	defer s.show()
	batch, drawn := s.batch()
	if len(batch) == 0 {
		return false, nil
	}
	start := time.Now()
	err := s.c.EvalBatch(batch, func(k int, logits []float32) error {
		s.draw(batch[k].Seq, logits)
		return nil
	})
	if err != nil {
		return true, s.recover(batch, err)
	}
	s.count(len(batch), len(drawn), time.Since(start))
	s.mark()
	for _, seq := range drawn {
		s.leave(seq)
	}
	return true, nil
}

// count adds a step to the numbers: its time by the tokens of prompts and those that were drawn.
func (s *Scheduler) count(tokens, drawn int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.stats
	n.Steps++
	decode := time.Duration(float64(took) * float64(drawn) / float64(tokens))
	n.PromptTime += took - decode
	n.GenerateTime += decode
}

// batch is the tokens of the next step, sequence by sequence, and the sequences that are drawn
// from.
func (s *Scheduler) batch() (batch []model.Token, drawn []int) {
	take := s.share()
	s.mu.Lock() // of the accounts and numbers
	defer s.mu.Unlock()
	for seq := range s.slots {
		x := &s.slots[seq]
		if x.text == nil {
			continue
		}
		if len(x.rest) == 0 {
			id := x.text.grow.Last()
			batch, drawn = append(batch, model.Token{Seq: seq, ID: id}), append(drawn, seq)
			x.cached, x.used = append(x.cached, id), s.clock
			x.text.account.served += drawnWeight
			s.stats.GeneratedTokens++
			continue
		}
		n := take[seq]
		for k, id := range x.rest[:n] {
			batch = append(batch, model.Token{Seq: seq, ID: id, NoLogits: k < len(x.rest)-1})
		}
		x.cached, x.rest = append(x.cached, x.rest[:n]...), x.rest[n:]
		x.text.account.served += float64(n)
		s.stats.PromptTokens += uint64(n)
		if n > 0 {
			x.used = s.clock
		}
		if len(x.rest) == 0 {
			drawn = append(drawn, seq)
			s.stats.GeneratedTokens++
		}
	}
	return batch, drawn
}

// share is how many prompt tokens each sequence runs in the next step. Clients that were served
// least come first, and then texts that joined first. One that others wait for comes as the first
// of those.
func (s *Scheduler) share() []int {
	var order []int
	first := make([]float64, len(s.slots))
	generating := 0
	for seq := range s.slots {
		x := &s.slots[seq]
		switch {
		case x.prompting() && x.leader == nil:
			order = append(order, seq)
			first[seq] = x.text.account.served
		case x.text != nil && len(x.rest) == 0:
			generating++
		}
	}
	for seq := range s.slots {
		if x := &s.slots[seq]; x.leader != nil {
			first[x.source] = min(first[x.source], x.text.account.served)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(first[a], first[b]), cmp.Compare(s.slots[a].joined, s.slots[b].joined), cmp.Compare(a, b))
	})
	budget := s.c.Batch
	if generating > 0 {
		budget = max(1, min(s.o.Chunk, s.c.Batch-generating))
	}
	take := make([]int, len(s.slots))
	for _, seq := range order {
		take[seq] = min(budget, s.slots[seq].next())
		budget -= take[seq]
	}
	return take
}

// next is how many tokens of the prompt may be run before a copy is to be left.
func (x *slot) next() int {
	n := len(x.rest)
	for _, m := range x.marks {
		if m > len(x.cached) {
			n = min(n, m-len(x.cached))
		}
	}
	return n
}

// draw takes the next token of a text.
func (s *Scheduler) draw(seq int, logits []float32) {
	t := s.slots[seq].text
	if t.first.IsZero() {
		t.first = time.Now()
	}
	if t.grow.Full() {
		t.grow.Stop = generate.StopLimit
		return
	}
	piece := t.grow.Next(logits)
	if t.grow.Stop == "" && len(s.slots[seq].cached) >= s.slots[seq].room {
		piece += t.grow.End(generate.StopFull)
	}
	t.say(piece)
}

// leave lets a text go that has ended. What is cached stays.
func (s *Scheduler) leave(seq int) {
	if x := &s.slots[seq]; x.text.grow.Stop != "" {
		s.release(seq, x.text.grow.Stop, nil)
	}
}

// release ends the text of a sequence and keeps what it leaves.
func (s *Scheduler) release(seq int, why generate.Stop, err error) {
	x := &s.slots[seq]
	t := x.text
	t.end(why, err)
	s.mu.Lock()
	t.account.running--
	s.accounts.ended(t.account)
	s.stats.ended(t)
	ran := t.ended.Sub(t.begun)
	if s.mean == 0 {
		s.mean = ran
	}
	s.mean += (ran - s.mean) / 8
	s.mu.Unlock()
	if s.o.Shadow != nil && t.grow.Stop != generate.StopInterrupted {
		s.o.Shadow.offer(t)
	}
	x.text, x.rest, x.leader, x.marks, x.room = nil, nil, nil, nil, 0
	s.tidy(seq)
	s.show() // who is told of the end finds it in the numbers
	close(t.done)
}

// ended counts a text that has ended.
func (n *Stats) ended(t *Text) {
	switch {
	case t.err != nil:
		n.Failed++
	case t.grow.Stop == generate.StopInterrupted:
		n.GivenUp++
	default:
		n.Finished++
	}
}

// giveUp lets the texts go whose context has ended.
func (s *Scheduler) giveUp() {
	for seq := range s.slots {
		if x := &s.slots[seq]; x.text != nil && x.text.ctx.Err() != nil {
			s.release(seq, generate.StopInterrupted, nil)
		}
	}
	var left []*Text
	s.mu.Lock()
	s.queue = slices.DeleteFunc(s.queue, func(t *Text) bool {
		if t.ctx.Err() == nil {
			return false
		}
		t.end(generate.StopInterrupted, nil)
		t.account.waiting--
		s.accounts.ended(t.account)
		s.stats.ended(t)
		left = append(left, t)
		return true
	})
	s.mu.Unlock()
	if len(left) > 0 {
		s.show()
	}
	for _, t := range left {
		close(t.done)
	}
}

// recover goes on after a batch that failed. Where the tokens of one text are the reason, as when
// a row is beyond what its type holds, that text ends with the error; the others run their tokens
// again. Any other error is the context's.
func (s *Scheduler) recover(batch []model.Token, err error) error {
	if !ofText(err) {
		return err
	}
	for seq := range s.slots {
		if x := &s.slots[seq]; x.text != nil {
			s.leave(seq) // if it had its last token before the batch failed
		}
		s.resync(seq)
	}
	for len(batch) > 0 {
		seq := batch[0].Seq
		n := slices.IndexFunc(batch, func(t model.Token) bool { return t.Seq != seq })
		if n < 0 {
			n = len(batch)
		}
		mine := batch[:n]
		batch = batch[n:]
		if s.slots[seq].text == nil {
			continue
		}
		if err := s.c.EvalBatch(mine, func(int, []float32) error { return nil }); err != nil {
			if !ofText(err) {
				return err
			}
			s.release(seq, generate.StopInterrupted, err)
		} else if s.c.TruncateSeq(seq, s.c.LenSeq(seq)-n) != nil {
			s.c.RemoveSeq(seq)
		}
		s.resync(seq)
	}
	return nil
}

// ofText says whether an error is of one text's tokens.
func ofText(err error) bool {
	var row *kv.Fault
	var logits *model.NotNumbers
	return errors.As(err, &row) || errors.As(err, &logits)
}

// resync has a slot know what its sequence holds; the rest of a text is to be run again.
func (s *Scheduler) resync(seq int) {
	x, have := &s.slots[seq], s.c.LenSeq(seq)
	if x.text == nil {
		x.cached = x.cached[:min(have, len(x.cached))]
		return
	}
	all := slices.Concat(x.text.request.Tokens, x.text.grow.Tokens)
	x.cached, x.rest = all[:have:have], all[have:]
	x.marks = slices.DeleteFunc(x.marks, func(m int) bool { return m <= have })
}
