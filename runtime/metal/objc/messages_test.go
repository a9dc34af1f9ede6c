//go:build linux && (amd64 || arm64)

package objc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// receivers are functions of C that stand for objc_msgSend, one for each form of a message. Each
// keeps what it was given.
const receivers = `
typedef unsigned long long u64;
typedef struct { u64 width, height, depth; } Size;
typedef struct { u64 location, length; } Range;
u64 got[12];
void keep(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h) {
  got[0] = a, got[1] = b, got[2] = c, got[3] = d, got[4] = e, got[5] = f, got[6] = g, got[7] = h;
}
void words0(u64 o, u64 s) { keep(o, s, 0, 0, 0, 0, 0, 0); }
void words1(u64 o, u64 s, u64 a) { keep(o, s, a, 0, 0, 0, 0, 0); }
void words2(u64 o, u64 s, u64 a, u64 b) { keep(o, s, a, b, 0, 0, 0, 0); }
void words3(u64 o, u64 s, u64 a, u64 b, u64 c) { keep(o, s, a, b, c, 0, 0, 0); }
void words5(u64 o, u64 s, u64 a, u64 b, u64 c, u64 d, u64 e) { keep(o, s, a, b, c, d, e, 0); }
void sizes(u64 o, u64 s, Size a, Size b) { keep(o, s, a.width, a.height, a.depth, b.width, b.height, b.depth); }
void range(u64 o, u64 s, u64 a, Range r, unsigned char v) { keep(o, s, a, r.location, r.length, v, 0, 0); }
signed char version(u64 o, u64 s, Size v) { keep(o, s, v.width, v.height, v.depth, 0, 0, 0); return 1; }
u64 makes(u64 o, u64 s, u64 a, u64* e) { keep(o, s, a, 0, 0, 0, 0, 0); *e = 99; return 0xfedcba9876543210u; }
long long negative(u64 o, u64 s) { return -5; }
void* address(u64 o, u64 s) { return got; }
void flag(u64 o, u64 s, signed char on) { keep(o, s, on, 0, 0, 0, 0, 0); }
`

// TestForms sends messages of every form that the driver has, and looks at what C has of them.
func TestForms(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("KVGEN_REQUIRE_CXX") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no C compiler")
	}
	dir := t.TempDir()
	source, lib := filepath.Join(dir, "receivers.c"), filepath.Join(dir, "receivers.so")
	if err := os.WriteFile(source, []byte(receivers), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", lib, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h, err := purego.Dlopen(lib, purego.RTLD_NOW)
	if err != nil {
		t.Fatal(err)
	}
	symbol := func(name string) uintptr {
		p, err := purego.Dlsym(h, name)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	at := symbol("got")
	got := unsafe.Slice(*(**uint64)(unsafe.Pointer(&at)), 8)
	const self, sel = 0x123456789a, 0x77
	bind := func(fn any, receiver string) {
		t.Helper()
		clear(got)
		m := messages{symbol(receiver), func(string) SEL { return sel }}
		if err := m.Send(fn, "any"); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(what string, want ...uint64) {
		t.Helper()
		all := append([]uint64{self, sel}, want...)
		if !slices.Equal(got[:len(all)], all) {
			t.Errorf("%s: %#x, want %#x", what, got[:len(all)], all)
		}
	}
	const a, b, c, d, e = 1<<63 | 1, 2<<40 | 2, 3<<40 | 3, 4<<40 | 4, 5<<40 | 5

	var w0 func(ID)
	bind(&w0, "words0")
	w0(self)
	holds("no argument")
	var o1 func(ID, ID)
	bind(&o1, "words1")
	o1(self, a)
	holds("an object", a)
	var w1 func(ID, uint64)
	bind(&w1, "words1")
	w1(self, a)
	holds("a word", a)
	var w2 func(ID, uint64, uint64)
	bind(&w2, "words2")
	w2(self, a, b)
	holds("two words", a, b)
	var w3 func(ID, ID, uint64, uint64)
	bind(&w3, "words3")
	w3(self, a, b, c)
	holds("setBuffer", a, b, c)
	var w5 func(to, from ID, at uint64, into ID, intoAt, n uint64)
	bind(&w5, "words5")
	w5(self, a, b, c, d, e)
	holds("copyFromBuffer", a, b, c, d, e)
	var sizes func(ID, Size, Size)
	bind(&sizes, "sizes")
	sizes(self, Size{a, b, c}, Size{d, e, 7})
	holds("dispatchThreadgroups", a, b, c, d, e, 7)
	var fill func(ID, ID, Range, uint8)
	bind(&fill, "range")
	fill(self, a, Range{b, c}, 200)
	holds("fillBuffer", a, b, c, 200)
	var version func(ID, Version) bool
	bind(&version, "version")
	if !version(self, Version{13, 1, 2}) {
		t.Error("YES is false")
	}
	holds("isOperatingSystemAtLeastVersion", 13, 1, 2)
	var makes func(to, a ID, e *ID) ID
	bind(&makes, "makes")
	var failure ID
	if o := makes(self, a, &failure); o != 0xfedcba9876543210 || failure != 99 {
		t.Errorf("an object and an error: %#x, %d", o, failure)
	}
	holds("newLibraryWithSource", a)
	var negative func(ID) int64
	bind(&negative, "negative")
	if n := negative(self); n != -5 {
		t.Errorf("-5 is %d", n)
	}
	var address func(ID) unsafe.Pointer
	bind(&address, "address")
	if p := address(self); p != unsafe.Pointer(&got[0]) {
		t.Errorf("a pointer is %p", p)
	}
	var flag func(ID, bool)
	bind(&flag, "flag")
	flag(self, true)
	holds("setFastMathEnabled", 1)
}
