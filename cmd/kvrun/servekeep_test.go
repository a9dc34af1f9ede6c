package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestKeepFlags names the flag that is out of range, and the range.
func TestKeepFlags(t *testing.T) {
	parse := func(line string) error {
		var f keepFlags
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.add(fs)
		if err := fs.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		return f.check()
	}
	for _, line := range []string{"", "--shadow 0", "--shadow 1 --shadow-size 2", "--keep-bytes 1", "--prompt-folder x --prompt-folder-bytes 1"} {
		if err := parse(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{"--shadow 1.5", "--shadow -1", "--shadow nan", "--shadow-size 1", "--keep-bytes -1", "--prompt-folder-bytes 0"} {
		flag, _, _ := strings.Cut(line, " ")
		if err := parse(line); err == nil || !strings.HasPrefix(err.Error(), flag+" ") || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
