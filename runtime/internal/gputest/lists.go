package gputest

import (
	"strconv"
	"strings"
	"testing"
)

// Ints reads a list of numbers with commas, which a flag has given.
func Ints(t testing.TB, list string) (all []int) {
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// Combined is every pair of one of a and one of b.
func Combined[T any](a, b []T) (all [][2]T) {
	for _, x := range a {
		for _, y := range b {
			all = append(all, [2]T{x, y})
		}
	}
	return all
}
