//go:build emulate

package main

import "testing"

// TestSpecDevice runs a type given as text on a GPU, where it is no slower than others and nothing
// says so.
func TestSpecDevice(t *testing.T) {
	args := []string{"ppl", "--json", "--chunks", "1", "-c", "16", "--spec", mine(t), "-ctk", "mine", "-ctv", "mine"}
	var want, got pplResult
	kvrunJSON(t, &want, args...)
	kvrunJSON(t, &got, append(args, "--device", "cuda")...)
	if d := got.NLL - want.NLL; !(d < 0.01 && d > -0.01) || len(got.Record.Notes) > 0 {
		t.Errorf("%v nats, %v on the processor; notes %q", got.NLL, want.NLL, got.Record.Notes)
	}
}
