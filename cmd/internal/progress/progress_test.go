package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestPace announces a long run once, after its first step, and says nothing of a short one.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		each time.Duration
		want string
	}{
		{time.Millisecond, ""},
		{200 * time.Millisecond, "ppl: 584 steps, each a chunk of 512 tokens; the first 2 took 0.4 s, so about 2 min in all. Ctrl-C prints; --chunks N\n"},
		{time.Minute, "ppl: 584 steps, each a chunk of 512 tokens; the first took 60 s, so about 9 h 44 min in all. Ctrl-C prints; --chunks N\n"},
	} {
		var stderr bytes.Buffer
		p := Start(&stderr, "ppl", 584, "a chunk of 512 tokens", "--chunks N", "prints")
		p.began = p.began.Add(-c.each)
		p.Next("PPL 3")
		p.began = p.began.Add(-c.each)
		p.Next("PPL 4")
		p.Finish()
		p.Finish()
		if got := stderr.String(); got != c.want {
			t.Errorf("%v a step: %q, want %q", c.each, got, c.want)
		}
	}
	var stderr bytes.Buffer
	p := Start(&stderr, "kld", 3, "a chunk", "", "prints")
	p.announce()
	p.Finish()
	if got := stderr.String(); !strings.Contains(got, "kld: 3 steps, each a chunk; the first is being timed. Ctrl-C prints") {
		t.Errorf("%q", got)
	}
}
