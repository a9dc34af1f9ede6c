//go:build peers

package main

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// quick is the time of a test in seconds up to which it belongs to the first round, in which every
// fault meets quick tests alone. Those that live on meet all others.
const quick = 2

// A result is what became of one fault.
type result struct {
	Fault   string
	Line    int
	Offset  int
	Round   int     // 1 or 2; 3 when it survived both
	Caught  string  // the suite and the test that noticed, empty where none did
	Slow    bool    // by not ending, twice
	Reached int     // how many tests run the function that it lies in
	Seconds float64 // in this round
}

// A meeting is some tests of one suite that run the function of a fault.
type meeting struct {
	suite   suite
	tests   []test
	seconds float64
}

// meetings are those of one round, in the order in which they are tried: the tests of the fault's
// own package, then commands, which see most faults of the compiler, then the tests of other
// packages, the quickest first.
func meetings(suites []suite, folder string, function, round int) (all []meeting) {
	for _, s := range suites {
		m := meeting{suite: s, seconds: .1}
		for _, t := range s.Tests {
			if _, reaches := slices.BinarySearch(t.Reaches, function); !reaches || t.Fails {
				continue
			}
			if first := t.Seconds <= quick || s.Args != nil; first == (round == 1) {
				m.tests = append(m.tests, t)
				m.seconds += t.Seconds
			}
		}
		if len(m.tests) > 0 {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b meeting) int {
		return cmp.Or(-cmp.Compare(near(a.suite, folder), near(b.suite, folder)), cmp.Compare(a.seconds, b.seconds))
	})
	return all
}

// near is 2 for the suite of a folder itself, and 1 for a command.
func near(s suite, folder string) int {
	switch {
	case s.Args != nil:
		return 1
	case s.Name == "./"+folder:
		return 2
	}
	return 0
}

// reached counts the tests that run a function.
func reached(suites []suite, function int) (n int) {
	for _, s := range suites {
		for _, t := range s.Tests {
			if _, reaches := slices.BinarySearch(t.Reaches, function); reaches && !t.Fails {
				n++
			}
		}
	}
	return n
}

// try lets one fault meet the tests of a round until one notices it.
func (w *work) try(ctx context.Context, suites []suite, m mutation, number, function, round int) (r result, err error) {
	r = result{Fault: m.String(), Line: m.line, Offset: m.offset, Round: round, Reached: reached(suites, function)}
	begin := time.Now()
	for _, one := range meetings(suites, path.Dir(m.file), function, round) {
		// Generous, so that a slow machine does not catch what a suite would miss.
		limit := 10*time.Second + time.Duration(5*one.seconds*float64(time.Second))
		o, err := w.meet(ctx, one.suite, one.tests, number, limit)
		if err == nil && o.slow {
			o, err = w.meet(ctx, one.suite, one.tests, number, 2*limit)
		}
		if err != nil {
			return r, err
		}
		if o.noticed {
			r.Caught, r.Slow = strings.TrimSpace(one.suite.Name+" "+o.first), o.slow
			break
		}
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, w.tidy(ctx)
}

// plant lets every fault meet the quick tests, and those that live on the slow ones. What a journal
// has of them is not repeated.
func (w *work) plant(ctx context.Context, suites []suite, faults []mutation, functions []int, say func(string, ...any)) ([]result, error) {
	journal := filepath.Join(w.dir, "journal")
	known, err := readLines[result](journal)
	if err != nil {
		return nil, err
	}
	last := map[int]result{}
	for _, r := range known {
		for n, m := range faults {
			if r.Fault == m.String() && r.Offset == m.offset {
				last[n] = r
			}
		}
	}
	for round := 1; round <= 2; round++ {
		for n, m := range faults {
			if r := last[n]; r.Caught != "" || r.Round >= round {
				continue
			}
			r, err := w.try(ctx, suites, m, n, functions[n], round)
			if err != nil {
				return nil, err
			}
			if err := appendLine(journal, r); err != nil {
				return nil, err
			}
			last[n] = r
			say("%d/%d %s:%d: %s: %s", n+1, len(faults), m.file, m.line, strings.TrimPrefix(m.String(), m.file+": "), r.verdict())
		}
	}
	results := make([]result, len(faults))
	for n := range faults {
		results[n] = last[n]
	}
	return results, nil
}

func (r result) verdict() string {
	switch {
	case r.Caught == "" && r.Round == 1:
		return "not noticed by quick tests"
	case r.Caught == "":
		return "SURVIVED"
	case r.Slow:
		return "caught by " + r.Caught + ", which did not end"
	}
	return "caught by " + r.Caught
}
