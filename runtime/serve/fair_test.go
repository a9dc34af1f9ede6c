package serve

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/generate"
)

// TestFairTurns: a client with many texts does not hold up one with a few. While both wait, neither
// is served more than the other by more than what a text and a step come to.
func TestFairTurns(t *testing.T) {
	c, words := open(t, 2, 64, 128)
	s := New(c, words, Options{Queue: 100, Chunk: 4})
	prompt := words.Encode("What is the matter with the king and all his men?\n", true, false)
	ask := func(client string, n int) (all []*Text) {
		for range n {
			all = append(all, submit(t, s, Request{Tokens: prompt, Client: client, Options: generate.Options{Limit: 8, IgnoreEnd: true}}))
		}
		return all
	}
	many := ask("many", 30)
	for range 20 {
		if _, err := s.step(); err != nil {
			t.Fatal(err)
		}
	}
	few := ask("few", 5)
	last := few[len(few)-1]
	for steps := 0; !done(last); steps++ {
		if _, err := s.step(); err != nil || steps > 1000 {
			t.Fatal(steps, err)
		}
		a, b := s.accounts.of("many"), s.accounts.of("few")
		most := float64(len(prompt) + 8*drawnWeight + s.o.Chunk)
		if d := a.served - b.served; b.waiting > 0 && (d > most || d < -most) {
			t.Fatalf("step %d: %v tokens more for one client than for the other, at most %v may be", steps, d, most)
		}
	}
	if n := len(slices.DeleteFunc(many, done)); n < 15 {
		t.Errorf("of 30 texts that were there first %d wait when all of the 5 are done: there was no turn", n)
	}
}

func done(x *Text) bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// TestNobodySavesUp: a client that was away has no more of the next tokens than those who stayed.
func TestNobodySavesUp(t *testing.T) {
	var a accounts
	a.init()
	stayed, away := a.of("stayed"), a.of("away")
	a.wait(stayed)
	stayed.served = 1000
	a.wait(away)
	if away.served != 1000 {
		t.Errorf("a client that comes has %v, the least of those who are there is 1000", away.served)
	}
	away.served = 3000
	away.waiting, stayed.waiting = 0, 0
	a.ended(stayed)
	a.ended(away)
	late := a.of("late")
	if a.wait(late); late.served != 3000 {
		t.Errorf("nobody is there: %v, want what the last had", late.served)
	}
	for i := range 3 * maxAccounts {
		a.of(fmt.Sprint(i))
	}
	if len(a.all) > maxAccounts || a.all["late"] == nil {
		t.Errorf("%d clients are remembered; at most %d may be that have no text", len(a.all), maxAccounts)
	}
}

// TestStreamWait counts what is run between two tokens of a text that streams, however many prompts
// come: Options.Chunk prompt tokens at most and a token of each text that streams.
func TestStreamWait(t *testing.T) {
	c, words := open(t, 4, 128, 512)
	s := New(c, words, Options{Queue: 100, Chunk: 3})
	long := words.Encode(strings.Repeat("the king of the land ", 8), true, false)
	stream := submit(t, s, Request{Tokens: long[:1], Options: generate.Options{Limit: 100, IgnoreEnd: true}})
	s.step()
	for i := range 20 {
		submit(t, s, Request{Tokens: long[i%7:], Client: fmt.Sprint(i % 3), Options: generate.Options{Limit: 2, IgnoreEnd: true}})
	}
	for len(stream.grow.Tokens) < 90 {
		drawn, before := len(stream.grow.Tokens), s.Stats()
		if _, err := s.step(); err != nil {
			t.Fatal(err)
		}
		after := s.Stats()
		if n := len(stream.grow.Tokens); n != drawn+1 {
			t.Fatalf("%d tokens were drawn in a step", n-drawn)
		}
		if p, g := after.PromptTokens-before.PromptTokens, after.GeneratedTokens-before.GeneratedTokens; p > 3 || g > 4 {
			t.Fatalf("a token took a step of %d prompt tokens and %d texts", p, g)
		}
	}
}
