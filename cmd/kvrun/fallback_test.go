package main

import (
	"strings"
	"testing"
)

// TestNoFallback names --allow-fallback where the command has it, and nowhere else.
func TestNoFallback(t *testing.T) {
	for _, has := range []bool{true, false} {
		fs := newFlags("some")
		var m modelFlags
		m.addSettings(fs)
		if has {
			fs.BoolVar(&m.allowFallback, "allow-fallback", false, "")
		}
		if err := m.cannot("this GPU"); err == nil || strings.Contains(err.Error(), "--allow-fallback") != has {
			t.Errorf("a command that has it, %t: %v", has, err)
		}
	}
}
