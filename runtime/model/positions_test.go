package model

import (
	"strings"
	"testing"
)

// TestLearnedPositions: a model with a vector per position runs as many as it has, and cannot be shifted.
func TestLearnedPositions(t *testing.T) {
	c := readCase(t, "gpt2")
	if _, err := c.context(t, "f16", "f16", Options{Size: 257}); err == nil || !strings.Contains(err.Error(), "257") || !strings.Contains(err.Error(), "256") {
		t.Errorf("a context beyond the vectors: %v", err)
	}
	x, err := c.context(t, "f16", "f16", Options{Size: 256})
	if err != nil {
		t.Fatal(err)
	}
	all := append(append(append([]int32{}, c.Tokens...), c.Tokens...), c.Tokens[:64]...)
	if _, err := x.Prefill(all); err != nil {
		t.Fatal(err)
	}
	if err := x.Shift(4, 20); err == nil || !strings.Contains(err.Error(), "no RoPE") {
		t.Errorf("a shift: %v", err)
	}
}
