package schema

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kvgen/kvgen/runtime/grammar"
)

// now is the processor time of this thread: what else runs on the machine does not count.
func now(t testing.TB) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// times are those of the masks of one text.
func times(t testing.TB, g *grammar.Grammar, ids []int32) (all []time.Duration) {
	s := g.Start()
	for i := 0; ; i++ {
		begin := now(t)
		m, err := s.Mask()
		all = append(all, now(t)-begin)
		switch {
		case err != nil:
			t.Fatal(err)
		case i == len(ids):
			return all
		case !m.Has(ids[i]):
			t.Fatalf("token %d of the value, %d, is not allowed", i, ids[i])
		}
		if err := s.Accept(ids[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func share(all []time.Duration, p float64) float64 {
	slices.Sort(all)
	return float64(all[int(p*float64(len(all)-1))]) / 1000
}

// TestMeasure prints the table of docs/structured-output.md.
func TestMeasure(t *testing.T) {
	if testing.Short() || !testing.Verbose() {
		t.Skip("it measures: go test -run TestMeasure -v")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	words := vocabulary(t, "qwen2")
	begin := now(t)
	v := grammar.NewVocabulary(words)
	fmt.Printf("%d tokens: %.0f ms for the trie\n", v.Len(), (now(t)-begin).Seconds()*1000)
	var all []time.Duration
	for _, m := range readMeasured(t) {
		v := grammar.NewVocabulary(words)
		begin := now(t)
		g, err := Compile(t.Context(), v, m.Schema)
		if err != nil {
			t.Fatal(m.Name, err)
		}
		compile := now(t) - begin
		ids := words.Encode(string(m.Value), false, false)
		cold := times(t, g, ids)
		var warm []time.Duration
		for range 20 {
			warm = append(warm, times(t, g, ids)...)
		}
		all = append(append(all, cold...), warm...)
		fmt.Printf("| %s | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", m.Name, len(ids), compile.Seconds()*1000, share(cold, .5), share(cold, 1),
			share(warm, .5), share(warm, .99), share(warm, 1), float64(v.Memory())/(1<<20))
	}
	fmt.Printf("of %d masks: median %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n", len(all), share(all, .5), share(all, .99), share(all, .999), share(all, 1))
}
