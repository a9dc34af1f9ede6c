package cpu

import (
	"runtime"
	"testing"
)

// TestThreads: the default asks for no more than Go runs at once.
func TestThreads(t *testing.T) {
	for _, most := range []int{1, 2, 1000} {
		before := runtime.GOMAXPROCS(most)
		got, fast := Threads(), performanceCores()
		runtime.GOMAXPROCS(before)
		want := most
		if fast > 0 {
			want = min(most, fast)
		}
		if got != want {
			t.Errorf("%d threads where Go runs %d at once and %d cores are fast, want %d", got, most, fast, want)
		}
	}
}
