package model

import (
	"bytes"
	"strings"
	"testing"
)

// TestLearnedPositions: a model with a vector per position runs as many as it has, and cannot be
// shifted.
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

// TestLongFactorsOwnTheirCache: keys that were turned by the short factors are of no use to a
// context of the long ones.
func TestLongFactorsOwnTheirCache(t *testing.T) {
	c := readCase(t, "phi3_long")
	var saved bytes.Buffer
	for _, size := range []int{256, 512} {
		c.model.program.Ropes[0].Original = 256
		x, err := c.context(t, "f16", "f16", Options{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if saved.Len() == 0 {
			if _, err := x.Prefill(c.Tokens); err != nil {
				t.Fatal(err)
			}
			if err := x.Save(&saved); err != nil {
				t.Fatal(err)
			}
		}
		err = x.Restore(bytes.NewReader(saved.Bytes()))
		if refused := err != nil; refused != (size == 512) {
			t.Errorf("a context of %d: %v", size, err)
		}
	}
}
