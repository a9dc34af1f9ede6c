//go:build peers

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// readSurvivors reads lines "MUTATION | REASON"; empty lines and those that begin with # are
// comments.
func readSurvivors(name string) (map[string]string, error) {
	known := map[string]string{}
	if name == "" {
		return known, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 || strings.TrimSpace(line[at+3:]) == "" {
			return nil, fmt.Errorf("%s:%d: a survivor needs a reason behind \" | \"", name, n)
		}
		known[strings.TrimSpace(line[:at])] = strings.TrimSpace(line[at+3:])
	}
	return known, lines.Err()
}

// report prints the count and the survivors, and returns the exit code.
func report(results []result, known map[string]string, o options, stdout io.Writer) int {
	caught, slow, unknown := 0, 0, 0
	var seconds []float64
	var alive []result
	for _, r := range results {
		seconds = append(seconds, r.Seconds)
		switch {
		case r.Caught == "":
			alive = append(alive, r)
		case r.Slow:
			slow++
			fallthrough
		default:
			caught++
		}
	}
	slices.Sort(seconds)
	fmt.Fprintf(stdout, "\n%d of %d faults caught, %d of them by a test that did not end; seed %d", caught, len(results), slow, o.seed)
	if len(seconds) > 0 {
		fmt.Fprintf(stdout, "; median %.1f s a fault", seconds[len(seconds)/2])
	}
	fmt.Fprintln(stdout)
	for _, r := range alive {
		reason, listed := known[r.Fault]
		if !listed {
			unknown++
			reason = "NOT LISTED"
		}
		fmt.Fprintf(stdout, "%s (line %d, reached by %d tests) | %s\n", r.Fault, r.Line, r.Reached, reason)
	}
	if len(results) == 0 || 100*float64(caught) < o.atLeast*float64(len(results)) || unknown > 0 {
		return 1
	}
	return 0
}
