package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
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
	var alive []result
	for _, r := range results {
		switch {
		case r.caught == "":
			alive = append(alive, r)
		case r.slow:
			slow++
			fallthrough
		default:
			caught++
		}
	}
	fmt.Fprintf(stdout, "\n%d of %d faults caught, %d of them by a suite that did not end; seed %d\n", caught, len(results), slow, o.seed)
	for _, r := range alive {
		reason, listed := known[r.String()]
		if !listed {
			unknown++
			reason = "NOT LISTED"
		}
		fmt.Fprintf(stdout, "%s | %s\n", r, reason)
	}
	if len(results) == 0 || 100*float64(caught) < o.atLeast*float64(len(results)) || unknown > 0 {
		return 1
	}
	return 0
}
