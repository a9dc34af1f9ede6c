package builtin

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// program is lines of a program, of which some differ by n.
func program(n int) string {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "\tadd.s32 %%r%d, %%r%d, %d;\n", i, i*i%37, i)
		if i%100 == 50 {
			fmt.Fprintf(&b, "\tof %d alone;\n", n)
		}
	}
	return b.String()
}

// TestArchive reads what was written, finds what is newest of what a GPU can run, and stores what
// two programs share once.
func TestArchive(t *testing.T) {
	a := &Archive{Major: 12, Minor: 4}
	for i, arch := range []int{80, 90, 80} {
		a.Kernels = append(a.Kernels, Kernel{Name: fmt.Sprint("a name ", i), Hash: []string{"h", "h", "other"}[i], Arch: arch, PTX: program(i)})
	}
	a.Kernels = append(a.Kernels, Kernel{Name: "odd", Hash: "odd", Arch: 75, PTX: "=\n@1 2\n\n\r x"}, Kernel{Name: "empty", Hash: "e", Arch: 75})
	size := func(a *Archive) int {
		var b bytes.Buffer
		if err := a.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := Read(b.Bytes())
		if err != nil || got.Major != 12 || got.Minor != 4 || !slices.Equal(got.Kernels, a.Kernels) {
			t.Fatalf("%v: not the same again", err)
		}
		return b.Len()
	}
	three := size(a)
	if one := size(&Archive{Major: 12, Minor: 4, Kernels: a.Kernels[:1]}); three > one+one/2 {
		t.Errorf("one program takes %d bytes, three that differ in 20 lines %d", one, three)
	}
	for _, c := range []struct {
		hash       string
		arch, want int
	}{{"h", 120, 90}, {"h", 90, 90}, {"h", 89, 80}, {"h", 75, 0}, {"none", 90, 0}, {"other", 90, 80}} {
		got := 0
		if k := a.Find(c.hash, c.arch); k != nil {
			got = k.Arch
		}
		if got != c.want {
			t.Errorf("%s for %d: compute_%d, want %d", c.hash, c.arch, got, c.want)
		}
	}
}

// TestDamaged has the archive cut, changed, and made of what no writer makes.
func TestDamaged(t *testing.T) {
	var b bytes.Buffer
	a := &Archive{Major: 12, Kernels: []Kernel{{Name: "n", Hash: "h", Arch: 80, PTX: program(1)}}}
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	for _, n := range []int{0, 1, 5, len(good) / 2, len(good) - 1} {
		if _, err := Read(good[:n]); err == nil {
			t.Errorf("%d of %d bytes: no error", n, len(good))
		}
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 4
	if _, err := Read(bad); err == nil {
		t.Error("a flipped bit: no error")
	}
	for _, c := range []struct{ text, want string }{
		{"another file\n", "it begins with"},
		{magic + "\n12 1\n", "no version"},
		{magic + "\n12.0 99999999\n", "no version"},
		{magic + "\n12.0 1\nh 80 x n\n", "no hash"},
		{magic + "\n12.0 1\nh 80 999999999 n\n", "no hash"},
		{magic + "\n12.0 1\nh 80 2 n\n=a\n@0 2\n", "names no lines before it"},
		{magic + "\n12.0 1\nh 80 2 n\n=a\n@-1 1\n", "names no lines before it"},
		{magic + "\n12.0 1\nh 80 2 n\n=a\n@0 1\n=b\n", "more than 2 lines"},
		{magic + "\n12.0 1\nh 80 3 n\n=a\n", "line 1 of 3"},
	} {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		z.Write([]byte(c.text))
		z.Close()
		if _, err := Read(b.Bytes()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// TestSet reads a set, and says where one is wrong.
func TestSet(t *testing.T) {
	s, err := ParseSet("# a comment\narchitectures 80 90\nweights a b # more\nwidths 1 2\n\ncache k v 64 128\ncache k v exact e 64\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "GPUs from compute capability 8.0 on, weights of a, b, models 1, 2 wide, caches of k/v for heads of 64, 128; k/v with ends of e for heads of 64"
	if got := s.String(); got != want {
		t.Errorf("%s\n%s", got, want)
	}
	for text, want := range map[string]string{
		"architectures 80\nwidth 3\n":        `set.txt:2: "width" is not known`,
		"architectures 80\nwidths 3 x\n":     `set.txt:2: "x" is not a number`,
		"architectures 80\n\ncache a b\n":    "set.txt:3: a cache is",
		"architectures 80\ncache a b c 64\n": `set.txt:2: "c" is not a number`,
		"weights a\n":                        "no architectures",
	} {
		if _, err := ParseSet(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Wanted(); err != nil {
		t.Error(err)
	}
}
