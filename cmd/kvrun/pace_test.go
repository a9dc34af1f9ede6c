package main

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
		{time.Minute, "ppl: 584 steps, each a chunk of 512 tokens; the first took 60 s, so about 9 h 44 min in all. Ctrl-C prints; --chunks N\n"},
	} {
		var stderr bytes.Buffer
		p := (&environment{stderr: &stderr}).pace("ppl", 584, "a chunk of 512 tokens", "--chunks N", "prints")
		p.began = p.began.Add(-c.each)
		p.next("PPL 3")
		p.next("PPL 4")
		p.finish()
		p.finish()
		if got := stderr.String(); got != c.want {
			t.Errorf("%v a step: %q, want %q", c.each, got, c.want)
		}
	}
	var stderr bytes.Buffer
	p := (&environment{stderr: &stderr}).pace("kld", 3, "a chunk", "", "prints")
	p.announce()
	p.finish()
	if got := stderr.String(); !strings.Contains(got, "kld: 3 steps, each a chunk; the first is being timed. Ctrl-C prints") {
		t.Errorf("%q", got)
	}
}

// TestTableWithin leaves out columns in the order that is asked for, and no more than it must.
func TestTableWithin(t *testing.T) {
	rows := table{{"cell", "KLD", "median", "max"}, {"q8_0", "0.000026", "0.000001", "0.1"}, {"häuser", "1", "2", "3"}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{80, "cell KLD median max"}, {33, "cell KLD median max"}, {32, "cell KLD max"}, {20, "cell KLD"}, {5, "cell KLD"},
	} {
		got, gone := rows.within(c.width, []string{"median", "max"})
		if strings.Join(got[0], " ") != c.want || len(gone)+len(got[0]) != 4 {
			t.Errorf("%d cells: %q without %q, want %q", c.width, got[0], gone, c.want)
		}
		var out bytes.Buffer
		if err := got.print(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(line)) - 1; c.width >= 20 && n > c.width {
				t.Errorf("a line of %d cells in %d: %q", n, c.width, line)
			}
		}
	}
}
