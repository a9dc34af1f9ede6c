package gguf

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// splitPart is what one file of a split model says. Each holds tensor "wI" of four bytes of its
// number.
type splitPart struct {
	name   string // after "m", the right one when empty
	no     uint16
	count  uint16
	total  int32 // split.tensors.count, 0 for none
	tensor string
	absent bool
}

// writeSplit writes parts to a folder and returns the path of the first.
func writeSplit(t *testing.T, parts []splitPart) string {
	t.Helper()
	dir := t.TempDir()
	var first string
	for i, p := range parts {
		if p.name == "" {
			p.name = fmt.Sprintf("-%05d-of-%05d.gguf", i+1, len(parts))
		}
		path := filepath.Join(dir, "m"+p.name)
		if first == "" {
			first = path
		}
		if p.absent {
			continue
		}
		err := Create(path, func(w *Writer) error {
			if i == 0 {
				w.Set("general.name", "split")
			}
			w.Set(splitNoKey, p.no)
			w.Set(splitCountKey, p.count)
			if p.total != 0 {
				w.Set(splitTensorsKey, p.total)
			}
			if p.tensor == "" {
				return nil // as by gguf-split --no-tensor-first-split
			}
			w.Tensor(p.tensor, f32, []int64{1}, 4)
			return w.Data(p.tensor, bytes.Repeat([]byte{byte(i)}, 4))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return first
}

// three is a good model of three parts.
func three() []splitPart {
	return []splitPart{{no: 0, count: 3, total: 3, tensor: "w0"}, {no: 1, count: 3, tensor: "w1"}, {no: 2, count: 3, tensor: "w2"}}
}

func TestSplit(t *testing.T) {
	f, err := Open(writeSplit(t, three()), testSizes)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors()) != 3 {
		t.Fatalf("%d tensors", len(f.Tensors()))
	}
	for i := range 3 {
		x, ok := f.Tensor(fmt.Sprint("w", i))
		if !ok {
			t.Fatalf("no w%d", i)
		}
		data, err := f.Data(x)
		if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 4)) {
			t.Errorf("w%d: %v, %v", i, data, err)
		}
	}
	if name, _, _ := f.Str("general.name"); name != "split" {
		t.Errorf("name %q", name)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	x, _ := f.Tensor("w2")
	if _, err := f.Data(x); err == nil {
		t.Error("data of a closed part")
	}
}

func TestSplitErrors(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(p []splitPart)
		want string // in the error; "" for none
	}{
		"as it is":         {func([]splitPart) {}, ""},
		"an empty first":   {func(p []splitPart) { p[0].tensor, p[0].total = "", 2 }, ""},
		"no total":         {func(p []splitPart) { p[0].total = 0 }, ""},
		"alone":            {func(p []splitPart) { p[0].count, p[0].total = 1, 1 }, ""},
		"a missing part":   {func(p []splitPart) { p[2].absent = true }, "part 3 of 3"},
		"another name":     {func(p []splitPart) { p[0].name = ".gguf" }, "-00001-of-00003.gguf"},
		"not the first":    {func(p []splitPart) { p[0].no = 1 }, "part 2 of 3"},
		"out of order":     {func(p []splitPart) { p[1].no, p[2].no = 2, 1 }, "part 3 of 3, want part 2 of 3"},
		"of another model": {func(p []splitPart) { p[2].count = 4 }, "part 3 of 4"},
		"not split":        {func(p []splitPart) { p[1].count = 1 }, "part 1 of 1"},
		"number too large": {func(p []splitPart) { p[0].no = 3 }, splitNoKey},
		"too many":         {func(p []splitPart) { p[0].count = 65535 }, "4096"},
		"a tensor twice":   {func(p []splitPart) { p[2].tensor = "w0" }, "w0"},
		"wrong total":      {func(p []splitPart) { p[0].total = 4 }, splitTensorsKey},
	} {
		parts := three()
		c.edit(parts)
		f, err := Open(writeSplit(t, parts), testSizes)
		if err == nil {
			f.Close()
		}
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
