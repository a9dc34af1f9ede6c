// Package table lays text out in cells of a terminal: tables whose columns give way where there is
// no room, and texts side by side.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
)

// A Table is rows of cells, the first row its head. All columns but the first stand to the right.
type Table [][]string

// Fit leaves out columns, those named first in drop before the others, until the table is as wide
// as the terminal that w is; of what is no terminal nothing is left out. It returns the names of
// those that are gone.
func (t Table) Fit(w io.Writer, drop []string) (Table, []string) {
	f, ok := plain.File(w)
	if !ok {
		return t, nil
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return t, nil
	}
	return t.Within(width, drop)
}

// Within is Fit for a width in cells of the terminal.
func (t Table) Within(width int, drop []string) (Table, []string) {
	var gone []string
	for _, name := range drop {
		if t.width() <= width {
			break
		}
		at := slices.Index(t[0], name)
		if at < 0 {
			continue
		}
		out := Table{}
		for _, row := range t {
			out = append(out, slices.Delete(slices.Clone(row), at, at+1))
		}
		t, gone = out, append(gone, name)
	}
	return t, gone
}

// Counted is a number of things: 1 chunk, 2 chunks.
func Counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// gap is the space between columns.
const gap = 2

// widths are those of the columns.
func (t Table) widths() []int {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for k, c := range row {
			widths[k] = max(widths[k], uniseg.StringWidth(c))
		}
	}
	return widths
}

func (t Table) width() int {
	n := 0
	for _, w := range t.widths() {
		n += w + gap
	}
	return n
}

// Print writes the rows, each with spaces before its columns. Spaces at the end of a line are left
// out.
func (t Table) Print(w io.Writer) error {
	widths := t.widths()
	for _, row := range t {
		var b strings.Builder
		for k, c := range row {
			b.WriteString(strings.Repeat(" ", gap+widths[k]-uniseg.StringWidth(c)) + c)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
