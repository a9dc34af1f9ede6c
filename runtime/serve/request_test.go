package serve

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/sample"
)

// must runs steps until a text has ended.
func must(t *testing.T, s *Scheduler, x *Text) Result {
	t.Helper()
	for range 1000 {
		select {
		case <-x.done:
			r, err := x.Wait()
			if err != nil {
				t.Fatal(err)
			}
			return r
		default:
		}
		if _, err := s.step(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("a text never ends")
	return Result{}
}

// submit queues a text that the scheduler has to take.
func submit(t *testing.T, s *Scheduler, r Request) *Text {
	t.Helper()
	x, err := s.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestGrammar: nothing but what a grammar allows is drawn, and a text ends where it is complete.
func TestGrammar(t *testing.T) {
	c, words := open(t, 2, 64, 128)
	s := New(c, words, Options{})
	g, err := schema.Compile(t.Context(), grammar.NewVocabulary(words), []byte(`{"const": "Zounds, 1234!"}`))
	if err != nil {
		t.Fatal(err)
	}
	prompt := words.Encode("KING HENRY:\n", true, false)
	for _, o := range []sample.Options{{}, {Temperature: 1, TopP: 1, Seed: 3}} {
		r := must(t, s, submit(t, s, Request{Tokens: prompt, Options: generate.Options{Limit: -1, Sampling: o, Grammar: g}}))
		if text := words.Decode(r.Tokens, false); r.Stop != generate.StopEnd || text != `"Zounds, 1234!"` {
			t.Errorf("%+v: %q, %s", o, text, r.Stop)
		}
	}
}

// TestObserve is told of every token and what it was drawn from.
func TestObserve(t *testing.T) {
	c, words := open(t, 1, 64, 64)
	s := New(c, words, Options{})
	var seen []int32
	watch := func(id int32, logits []float32) {
		if sample.Greedy(logits) != id || len(logits) != c.Model.Vocab {
			t.Errorf("token %d of %d logits whose largest is of %d", id, len(logits), sample.Greedy(logits))
		}
		seen = append(seen, id)
	}
	r := must(t, s, submit(t, s, Request{Tokens: []int32{1, 2}, Options: generate.Options{Limit: 5, IgnoreEnd: true}, Observe: watch}))
	if len(r.Tokens) != 5 || !slices.Equal(r.Tokens, seen) {
		t.Errorf("drawn %v, told of %v", r.Tokens, seen)
	}
}

// TestBusy: a client has no more of the queue than its share, and is told to come back later.
func TestBusy(t *testing.T) {
	c, words := open(t, 1, 64, 64)
	s := New(c, words, Options{Queue: 4, ClientQueue: 2})
	ask := func(client string) error {
		_, err := s.Submit(t.Context(), Request{Tokens: []int32{1}, Client: client})
		return err
	}
	for i, want := range []struct {
		client string
		taken  bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", true}, {"d", false}} {
		err := ask(want.client)
		if want.taken != (err == nil) {
			t.Errorf("number %d, of %s: %v", i, want.client, err)
		}
		if busy := (*Busy)(nil); err != nil && (!errors.Is(err, ErrBusy) || !errors.As(err, &busy) || busy.Wait < time.Second) {
			t.Errorf("%v", err)
		}
	}
	if n := s.Stats(); n.Submitted != 4 || n.Refused != 2 || n.Waiting != 4 {
		t.Errorf("%+v", n)
	}
}

// TestSlots says what each sequence does, and the numbers add up.
func TestSlots(t *testing.T) {
	c, words := open(t, 3, 64, 192)
	s := New(c, words, Options{Parallel: 2, Chunk: 2, Queue: 2})
	states := func() (all []SlotState) {
		for _, x := range s.Slots() {
			all = append(all, x.State)
		}
		return all
	}
	is := func(want ...SlotState) {
		t.Helper()
		if got := states(); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	is(SlotEmpty, SlotEmpty, SlotEmpty)
	long := words.Encode(strings.Repeat("the king of the land ", 5), true, false)
	a := submit(t, s, Request{Tokens: long[:2], Options: generate.Options{Limit: 4, IgnoreEnd: true}})
	s.step()
	is(SlotGenerating, SlotEmpty, SlotEmpty)
	submit(t, s, Request{Tokens: long[1:], Options: generate.Options{Limit: 9, IgnoreEnd: true}})
	submit(t, s, Request{Tokens: long[2:], Options: generate.Options{Limit: 9, IgnoreEnd: true}})
	s.step()
	is(SlotGenerating, SlotPrompt, SlotEmpty) // two run at once
	if n := s.Stats(); n.Running != 2 || n.Waiting != 1 || n.PromptTokens != 4 || n.GeneratedTokens != 2 || n.CellsInUse != 5 {
		t.Errorf("%+v", n)
	}
	must(t, s, a)
	is(SlotKept, SlotPrompt, SlotEmpty)
	s.step()
	is(SlotKept, SlotPrompt, SlotPrompt)
	if n := s.Stats(); n.Finished != 1 || n.Kept != 1 || n.KeptCells != 5 {
		t.Errorf("%+v", n)
	}
}
