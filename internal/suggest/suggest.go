// Package suggest finds the names that a person may have meant by one that does not exist.
package suggest

import (
	"slices"
	"strings"
)

// Nearest is " (did you mean a, b?)" with at most three of names, or nothing where none is close. A
// name is close when one of the two begins with the other, by three letters or more (two of what
// was given), or when one letter in three is wrong at most. Case, dashes in front and the
// difference between - and _ do not count.
func Nearest(given string, names []string) string {
	g := bare(given)
	if g == "" || len(g) > 64 {
		return ""
	}
	type candidate struct {
		name string
		far  int
	}
	var close []candidate
	for _, name := range names {
		n := bare(name)
		short, long := min(len(g), len(n)), max(len(g), len(n))
		far := Distance(g, n)
		switch {
		case far <= max(1, long/3) && long > 2:
		case short > 2 && g[:short] == n[:short], len(g) == 2 && strings.HasPrefix(n, g):
			far = 1 // typed in part, or with something after it
		default:
			continue
		}
		close = append(close, candidate{name, far})
	}
	slices.SortStableFunc(close, func(a, b candidate) int { return a.far - b.far })
	if len(close) == 0 {
		return ""
	}
	var list []string
	for _, c := range close[:min(3, len(close))] {
		list = append(list, c.name)
	}
	return " (did you mean " + strings.Join(list, ", ") + "?)"
}

func bare(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimLeft(name, "-")), "_", "-")
}

// Distance is the number of bytes put in, left out, replaced or exchanged with their neighbour
// between a and b: optimal string alignment, of which every byte takes part in one edit at most. It
// looks at the first 64 bytes of each.
func Distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	var before, last, row [65]int // rows i-2, i-1 and i of the table
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
