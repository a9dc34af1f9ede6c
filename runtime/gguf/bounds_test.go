package gguf

import (
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

// vast is a file of any size: some bytes, then a pattern without end.
type vast struct {
	head []byte
	loop []byte
}

func (v vast) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(v.head)) {
		n = copy(p, v.head[off:])
	}
	phase := int((off + int64(n) - int64(len(v.head))) % int64(len(v.loop)))
	n += copy(p[n:], v.loop[phase:])
	for start := n; n < len(p); { // the rest is whole turns of loop
		n += copy(p[n:], v.loop)
		if done := p[start:n]; len(done) > 1<<10 {
			n += copy(p[n:], done) // by doubling
		}
	}
	return len(p), nil
}

// What a header asks for is bounded even when the file is large enough to hold it. Each case is a
// file of 1 TiB whose header claims as much as it may, and goes wrong late or never.
func TestHostileCounts(t *testing.T) {
	const limit = time.Second * slowdown
	zero := []byte{0}
	array := func(elem Kind, n uint64) []byte {
		return *file().head(3, 0, 1).kv("k", KindArray).u32(uint32(elem)).u64(n)
	}
	// Distinct keys are needed for a long valid list, so these are spelled out.
	keys, long := file().head(3, 1, maxEntries), file().head(3, 0, maxEntries)
	tensors := file().head(3, maxTensors, 0)
	for i := range maxEntries {
		key := string(rune(i%1000+0x4e00)) + string(rune(i/1000+0x4e00))
		keys.kv(key, KindU8)
		*keys = append(*keys, 1)
		tensors.tensor(key, f32, 32, 1) // all in one place: the last check refuses them
		if i < 300 {
			long.kv(key+strings.Repeat("k", maxKey-6), KindU8)
			*long = append(*long, 1)
		}
	}
	// The last of many strings is bad, after as many bytes as a header may have.
	strs := file().head(3, 0, 1000)
	for i := range 3 {
		strs.kv(string(rune('a'+i)), KindArray).u32(uint32(KindString)).u64(maxStrings)
		*strs = append(*strs, make([]byte, 8*maxStrings)...)
	}
	for _, c := range []struct {
		name string
		file vast
	}{
		{"tensor count", vast{*file().head(3, 1<<30, 0), zero}},
		{"metadata count", vast{*file().head(3, 0, 1<<30), zero}},
		{"most entries, then garbage", vast{*keys, []byte{0xff}}},
		{"longest keys", vast{*long, zero}},
		{"most tensors in one place", vast{*tensors, zero}},
		{"u8 array", vast{array(KindU8, 1<<39), zero}},
		{"f64 array", vast{array(KindF64, 1<<36), zero}},
		{"string array", vast{array(KindString, 1<<36), zero}},
		{"string", vast{*file().head(3, 0, 1).kv("k", KindString).u64(1 << 39), zero}},
		{"string array of garbage", vast{array(KindString, maxStrings), []byte{1, 0, 0, 0, 0, 0, 0, 0, 'x', 255}}},
		{"string arrays to the end", vast{*strs, zero}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bytes, took, err := cost(c.file)
			for range 2 { // a busy machine may delay one try, not the best of three
				if took > limit {
					_, again, _ := cost(c.file)
					took = min(took, again)
				}
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("got %v, want an *Error", err)
			}
			if bytes > 64<<20 {
				t.Errorf("%d bytes allocated, allowed: %d: %v", bytes, 64<<20, err)
			}
			if took > limit {
				t.Errorf("refused after %v, allowed: %v: %v", took, limit, err)
			}
		})
	}
}

// cost parses a file of 1 TiB. The bytes are all that were ever allocated, so they bound the peak.
func cost(file vast) (bytes uint64, took time.Duration, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err = parse(file, 1<<40, testSizes)
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, took, err
}

// A reader that fails is reported as such and not as a malformed file.
func TestReadError(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := parse(failing{broken}, 1000, nil)
	var e *Error
	if !errors.Is(err, broken) || errors.As(err, &e) {
		t.Errorf("got %v, want %v", err, broken)
	}
	_, err = parse(failing{io.EOF}, 1000, nil) // a file cut since its size was taken
	if !errors.As(err, &e) || e.Got != "the end of the file" {
		t.Errorf("got %v, want the end of the file", err)
	}
	// Cut after parsing: the getter says so.
	f := mustParse(t, small())
	f.r = failing{io.EOF}
	if _, found, err := f.Str("name"); !found || !errors.As(err, &e) {
		t.Errorf("got %v, %v, want an *Error", found, err)
	}
	// Changed after parsing: lengths are proven again.
	f.r = vast{nil, []byte{math.MaxUint8}}
	if _, _, err := f.Strs("tokens"); !errors.As(err, &e) {
		t.Errorf("got %v, want an *Error", err)
	}
}

type failing struct{ err error }

func (r failing) ReadAt([]byte, int64) (int, error) { return 0, r.err }
