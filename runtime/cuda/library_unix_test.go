//go:build linux || darwin || freebsd

package cuda

import (
	"strings"
	"sync"
	"testing"
)

// TestReasonOfLibrary opens a library that is not there and looks for a symbol that no library has,
// from many goroutines: each gets its reason, which a system keeps by thread.
func TestReasonOfLibrary(t *testing.T) {
	const want = "no-such-library-of-cuda.so"
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 3000 {
				if _, err := openLibrary(want); err == nil || len(err.Error()) < len(want+" cannot be loaded: x") {
					t.Errorf("no reason: %v", err)
					return
				}
				if err := (shared{}).Bind(new(func()), "no_such_symbol_of_cuda"); err == nil || !strings.Contains(err.Error(), "no_such_symbol") {
					t.Errorf("no reason: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
}
