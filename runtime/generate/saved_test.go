package generate

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzPromptHead reads anything as a prompt cache, up to its rows.
func FuzzPromptHead(f *testing.F) {
	var b bytes.Buffer
	h := Head{Tokens: 2, Fresh: 1, Math: "exact"}
	if err := writePrompt(&b, h, []int32{1, 2}, func(w io.Writer) error { _, err := io.WriteString(w, "rows"); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:30])
	f.Add([]byte("kvrunPC2\xff\xff\xff\xff"))
	f.Add([]byte("kvrunPC1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newSummed(bytes.NewReader(data), int64(len(data)))
		h, err := ReadHead(r)
		if err == nil && (h.Fresh > h.Tokens || h.Tokens < 0) {
			t.Errorf("%+v", h)
		}
		if err := r.check(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}

// TestPromptDamage changes every byte of a prompt cache in turn.
func TestPromptDamage(t *testing.T) {
	var b bytes.Buffer
	err := writePrompt(&b, Head{Tokens: 2, Fresh: 1, Math: "exact"}, []int32{1, 2}, func(w io.Writer) error { _, err := io.WriteString(w, "rows"); return err })
	if err != nil {
		t.Fatal(err)
	}
	check := func(data []byte) error {
		r := newSummed(bytes.NewReader(data), int64(len(data)))
		ReadHead(r)
		return r.check()
	}
	if err := check(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	for i := range b.Len() {
		bad := bytes.Clone(b.Bytes())
		bad[i] ^= 1 << (i % 8)
		if check(bad) == nil || check(bad[:i]) == nil {
			t.Errorf("byte %d is not missed", i)
		}
	}
	if check(append(bytes.Clone(b.Bytes()), 0)) == nil {
		t.Error("a byte too many")
	}
}
