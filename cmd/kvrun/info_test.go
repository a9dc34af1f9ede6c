package main

import (
	"strings"
	"testing"
)

// TestInfoColumns has what is said of each instruction set begin in one column, however long their
// names are.
func TestInfoColumns(t *testing.T) {
	code, out, stderr := kvrun("", "info")
	if code != 0 {
		t.Fatal(code, stderr)
	}
	_, sets, _ := strings.Cut(out, "instruction sets:\n")
	sets, _, _ = strings.Cut(sets, "kernels,")
	lines := strings.Split(strings.TrimSuffix(sets, "\n"), "\n")
	column := 0
	for _, line := range lines {
		name := strings.Fields(line)[0]
		if at := len(line) - len(strings.TrimLeft(line[2+len(name):], " ")); column == 0 {
			column = at
		} else if at != column {
			t.Errorf("%q begins in column %d, the line before in %d", line, at, column)
		}
	}
}
