package spec_test

import (
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestGuardHolds asks guards of every operator and function about heads on both sides of where
// they change.
func TestGuardHolds(t *testing.T) {
	for text, holds := range map[string]func(n int, quantised bool) bool{
		"min(head_dim, 64) == 64":             func(n int, _ bool) bool { return n >= 64 },
		"max(head_dim, 64) == 64":             func(n int, _ bool) bool { return n <= 64 },
		"clamp(head_dim, 64, 128) == 64":      func(n int, _ bool) bool { return n <= 64 },
		"clamp(head_dim, 64, 128) == 128":     func(n int, _ bool) bool { return n >= 128 },
		"abs(head_dim - 96) <= 32":            func(n int, _ bool) bool { return n >= 64 && n <= 128 },
		"-head_dim >= -96":                    func(n int, _ bool) bool { return n <= 96 },
		"!(head_dim < 96)":                    func(n int, _ bool) bool { return n >= 96 },
		"head_dim % 64 == 0":                  func(n int, _ bool) bool { return n%64 == 0 },
		"head_dim / 64 * 64 != head_dim":      func(n int, _ bool) bool { return n%64 != 0 },
		"head_dim > 64 && head_dim < 128":     func(n int, _ bool) bool { return n > 64 && n < 128 },
		"head_dim + 32 == 96 || head_dim==32": func(n int, _ bool) bool { return n == 64 || n == 32 },
		"(head_dim > 64 ? 1 : 2) == 2":        func(n int, _ bool) bool { return n <= 64 },
		"quantised":                           func(_ int, q bool) bool { return q },
	} {
		source := fmt.Sprintf("rotation \"r\" {\n  tile = 16\n  guard = %s\n}\n", text)
		set, err := spec.Parse(map[string][]byte{"g.hcl": []byte(source)})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for n := 32; n <= 192; n += 32 {
			for _, q := range []bool{false, true} {
				if got := set.Rotations[0].Guard.Holds(n, q); got != holds(n, q) {
					t.Errorf("%s: a head of %d, quantised %v: %v", text, n, q, got)
				}
			}
		}
	}
}
