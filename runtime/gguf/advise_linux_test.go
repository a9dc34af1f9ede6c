package gguf

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// residentFile is the number of bytes of mapped files that the process holds in memory.
func residentFile(t *testing.T) (kb int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "RssFile:")
	if _, err := fmt.Sscanf(rest, "%d kB", &kb); !ok || err != nil {
		t.Fatalf("no RssFile: %v", err)
	}
	return kb << 10
}

// Dropped pages leave the process, and come back with the same bytes.
func TestDrop(t *testing.T) {
	const size = 16 << 20
	f, _, data := mapped(t, size)
	w, _ := f.Tensor("w")
	if err := f.Prefetch(w); err != nil {
		t.Error(err)
	}
	sum := func() (n int) {
		for _, b := range data {
			n += int(b)
		}
		return n
	}
	if got := sum(); got != size {
		t.Fatalf("sum %d, want %d", got, size)
	}
	before := residentFile(t)
	if err := f.Drop(w); err != nil {
		t.Fatal(err)
	}
	if after := residentFile(t); before-after < size*3/4 {
		t.Errorf("%d bytes resident, %d before: want some %d fewer", after, before, size)
	}
	if got := sum(); got != size {
		t.Errorf("sum %d after Drop, want %d", got, size)
	}
	tiny, _, _ := mapped(t, 64) // less than a page: nothing to drop, and no error
	w, _ = tiny.Tensor("w")
	if err := tiny.Drop(w); err != nil {
		t.Error(err)
	}
	memory := mustParse(t, small())
	w, _ = memory.Tensor("a")
	if err := memory.Drop(w); err != nil {
		t.Error(err)
	}
}
