package serve

import "time"

// Stats is what a scheduler has done, and what it has to do.
type Stats struct {
	// counted since it began
	Submitted, Refused         uint64 // texts
	Finished, GivenUp, Failed  uint64 // texts: nobody waited any more for those given up
	Steps                      uint64
	PromptTokens, CachedTokens uint64 // of prompts: that were run, and that were cached
	GeneratedTokens            uint64
	PromptTime, GenerateTime   time.Duration // of steps, by the share of the tokens that they had
	Saved, Loaded              uint64        // files of prompts
	Forgotten                  uint64        // kept prompts that were forgotten to make room

	// at present
	Running, Waiting  int // texts
	Cells, CellsInUse int // rows that sequences share count once
	Kept, KeptCells   int // sequences that no text has, and cells that only they hold
}

// SlotState says what a sequence does.
type SlotState string

// The states.
const (
	SlotEmpty      SlotState = "empty"
	SlotKept       SlotState = "kept"    // what a text left
	SlotWaiting    SlotState = "waiting" // for another prompt that begins alike
	SlotPrompt     SlotState = "prompt"
	SlotGenerating SlotState = "generating"
)

// Slot is a sequence as it was after the last step. It has nothing of a text.
type Slot struct {
	Seq       int
	State     SlotState
	Cached    int // positions whose rows it has
	Prompt    int // tokens of the prompt; 0 without a text, and so are those below
	Reused    int // of them, those that were cached
	Generated int
	Limit     int // positions that the text may come to
}

// Stats is a copy of the numbers.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Drift is what the Shadow has found; Buckets is nil without one.
func (s *Scheduler) Drift() Drift {
	if s.o.Shadow == nil {
		return Drift{}
	}
	return s.o.Shadow.Drift()
}

// Slots is the sequences of the context.
func (s *Scheduler) Slots() []Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Slot(nil), s.shown...)
}

// show brings Slots and the present numbers of Stats up to date.
func (s *Scheduler) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.stats
	n.Running, n.Kept, n.Waiting = 0, 0, len(s.queue)
	n.Cells, n.CellsInUse = s.c.Cache.Cells, s.c.Cache.InUse()
	for seq := range s.slots {
		x := &s.slots[seq]
		if s.shown[seq] = x.show(seq); x.text != nil {
			n.Running++
		} else if len(x.cached) > 0 {
			n.Kept++
		}
	}
}

func (x *slot) show(seq int) Slot {
	o := Slot{Seq: seq, Cached: len(x.cached)}
	switch t := x.text; {
	case t != nil:
		o.Prompt, o.Reused, o.Generated, o.Limit = len(t.request.Tokens), t.reused, len(t.grow.Tokens), x.room
		switch {
		case x.leader != nil:
			o.State = SlotWaiting
		case len(x.rest) > 0:
			o.State = SlotPrompt
		default:
			o.State = SlotGenerating
		}
	case len(x.cached) > 0:
		o.State = SlotKept
	default:
		o.State = SlotEmpty
	}
	return o
}
