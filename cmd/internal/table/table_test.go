package table

import (
	"bytes"
	"strings"
	"testing"
)

// TestTableWithin leaves out columns in the order that is asked for, and no more than it must.
func TestTableWithin(t *testing.T) {
	rows := Table{{"cell", "KLD", "median", "max"}, {"q8_0", "0.000026", "0.000001", "0.1"}, {"häuser", "1", "2", "3"}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{80, "cell KLD median max"}, {33, "cell KLD median max"}, {32, "cell KLD max"}, {20, "cell KLD"}, {5, "cell KLD"},
	} {
		got, gone := rows.Within(c.width, []string{"median", "max"})
		if strings.Join(got[0], " ") != c.want || len(gone)+len(got[0]) != 4 {
			t.Errorf("%d cells: %q without %q, want %q", c.width, got[0], gone, c.want)
		}
		var out bytes.Buffer
		if err := got.Print(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(line)) - 1; c.width >= 20 && n > c.width {
				t.Errorf("a line of %d cells in %d: %q", n, c.width, line)
			}
		}
	}
}
