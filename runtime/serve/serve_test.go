package serve

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/sample"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// open is the embedded model in a context of its own.
func open(t *testing.T, sequences, size, cells int) (*model.Context, *tokenizer.Tokenizer) {
	t.Helper()
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	f16 := kv.Choice{Type: m.Table.ByName("f16")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f16, V: f16})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: size, Sequences: sequences, Cells: cells, Batch: 16, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	words, err := tokenizer.New(m.File)
	if err != nil {
		t.Fatal(err)
	}
	return c, words
}

// start runs a scheduler until the test ends, and says then how many cells its texts could not
// free.
func start(t *testing.T, s *Scheduler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the scheduler ended: %v", err)
		}
	})
}

// alone is what a prompt becomes in a context of its own.
func alone(t *testing.T, prompt string, o generate.Options) string {
	t.Helper()
	c, words := open(t, 1, 128, 128)
	var all strings.Builder
	for piece, err := range generate.New(c, words, o).Stream(t.Context(), words.Encode(prompt, true, false)) {
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(piece)
	}
	return all.String()
}

// TestScheduler has more texts than sequences, of different lengths and prompts, twice: each
// becomes what it becomes alone, and a prompt that was there before is not run again.
func TestScheduler(t *testing.T) {
	c, words := open(t, 3, 128, 300)
	s := New(c, words, Options{Chunk: 4, Queue: 16})
	start(t, s)
	prompts := []string{"KING HENRY:\n", "What is the matter?\n", "KING HENRY:\nMy lord, ", "Enter the queen and all her ladies, with the duke.\n", "O", "To be"}
	for round := range 2 {
		var wait sync.WaitGroup
		for i, prompt := range prompts {
			wait.Go(func() {
				o := generate.Options{Limit: 6 + 3*i, IgnoreEnd: true}
				x, err := s.Submit(t.Context(), Request{Tokens: words.Encode(prompt, true, false), Options: o})
				if err != nil {
					t.Error(err)
					return
				}
				got := strings.Join(slices.Collect(x.Pieces()), "")
				r, err := x.Wait()
				if want := alone(t, prompt, o); err != nil || got != want || r.Stop != generate.StopLimit || len(r.Tokens) != o.Limit {
					t.Errorf("round %d, %q: %q, %+v, %v; alone %q", round, prompt, got, r, err, want)
				}
			})
		}
		wait.Wait()
	}
	first := words.Encode(prompts[3], true, false)
	for range 2 {
		x, err := s.Submit(t.Context(), Request{Tokens: first, Options: generate.Options{Limit: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := x.Wait(); err != nil {
			t.Error(err)
		} else if again := r.Reused; again >= len(first) {
			t.Errorf("%d of %d tokens were cached", again, len(first))
		}
	}
	x, err := s.Submit(t.Context(), Request{Tokens: first, Options: generate.Options{Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := x.Wait(); r.Reused != len(first)-1 {
		t.Errorf("%d of %d tokens were cached, all but the last could be", r.Reused, len(first))
	}
}

// TestChunks: while a long prompt is run, a text that streams goes on with a token in every step.
func TestChunks(t *testing.T) {
	c, words := open(t, 2, 128, 256)
	s := New(c, words, Options{Chunk: 3, Queue: 2})
	long := words.Encode(strings.Repeat("the king of the land ", 8), true, false)
	a, err := s.Submit(t.Context(), Request{Tokens: long[:2], Options: generate.Options{Limit: 100, IgnoreEnd: true, Sampling: sample.Options{Seed: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	must := func() {
		t.Helper()
		if worked, err := s.step(); err != nil || !worked {
			t.Fatal(worked, err)
		}
	}
	must()
	b, err := s.Submit(t.Context(), Request{Tokens: long, Options: generate.Options{Limit: 2, IgnoreEnd: true}})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for ; len(b.grow.Tokens) == 0; steps++ {
		before := len(a.grow.Tokens)
		if must(); len(a.grow.Tokens) != before+1 {
			t.Fatalf("step %d: the text that streams waits for the prompt", steps)
		}
		if steps > 100 {
			t.Fatal("the prompt is never done")
		}
	}
	if want := (len(long) + 2) / 3; steps != want {
		t.Errorf("a prompt of %d tokens in chunks of 3 took %d steps, want %d", len(long), steps, want)
	}
}

// TestLimits: what does not fit waits or is refused, and what is given up makes room in the next
// step.
func TestLimits(t *testing.T) {
	c, words := open(t, 2, 64, 70)
	s := New(c, words, Options{Queue: 2})
	prompt := words.Encode("KING HENRY:\n", true, false)
	ctx, cancel := context.WithCancel(t.Context())
	endless := Request{Tokens: prompt, Options: generate.Options{Limit: -1, IgnoreEnd: true}}
	first, err := s.Submit(ctx, endless)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.step(); err != nil {
		t.Fatal(err)
	}
	second, err := s.Submit(t.Context(), Request{Tokens: prompt, Options: generate.Options{Limit: 20, IgnoreEnd: true}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := s.step(); err != nil || second.grow.Tokens != nil {
			t.Fatalf("%v: a text joined without room for what it may become", err)
		}
	}
	third, err := s.Submit(t.Context(), endless)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(t.Context(), endless); !errors.Is(err, ErrBusy) {
		t.Errorf("the queue is full: %v", err)
	}
	cancel()
	for range 3 {
		if _, err := s.step(); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := first.Wait(); err != nil || r.Stop != generate.StopInterrupted || len(r.Tokens) == 0 {
		t.Errorf("given up: %+v, %v", r, err)
	}
	if len(second.grow.Tokens) == 0 || second.reused != len(prompt)-1 {
		t.Errorf("after one was given up the next has %d tokens, %d of its prompt were cached", len(second.grow.Tokens), second.reused)
	}
	for says, bad := range map[string]Request{"one token at least": {}, "shorter than the context": {Tokens: make([]int32, 64)}} {
		if _, err := s.Submit(t.Context(), bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	s.end()
	if r, err := third.Wait(); !errors.Is(err, ErrClosed) || r.Stop != generate.StopInterrupted {
		t.Errorf("never begun: %+v, %v", r, err)
	}
	if _, err := s.Submit(t.Context(), endless); !errors.Is(err, ErrClosed) {
		t.Errorf("ended: %v", err)
	}
}

// TestFull ends a text at the last position of the context.
func TestFull(t *testing.T) {
	c, words := open(t, 2, 24, 48)
	s := New(c, words, Options{})
	start(t, s)
	prompt := words.Encode("KING HENRY:\n", true, false)
	x, err := s.Submit(t.Context(), Request{Tokens: prompt, Options: generate.Options{Limit: -1, IgnoreEnd: true}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := x.Wait(); err != nil || r.Stop != generate.StopFull || len(r.Tokens) != 25-len(prompt) {
		t.Errorf("%+v, %v, after a prompt of %d", r, err, len(prompt))
	}
}
