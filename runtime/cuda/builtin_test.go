package cuda

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cuda/builtin"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rope"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

var generateBuiltIn = flag.Bool("generate", false, "make the kernels that come with the program, with the NVRTC of -compiler")

// howTo is the command that brings the archive up to date.
const howTo = "go test ./runtime/cuda -run TestBuiltIn -args -generate -compiler libnvrtc.so.12, the one of pip install nvidia-cuda-nvrtc-cu12==12.0.*"

// mostBuiltIn bounds the archive, in bytes: it is in every program and every copy of the
// repository. One of the four MiB is for products of 9 to 64 tokens, which bring 2.1 times the
// tokens of 32 sequences.
const mostBuiltIn = 4 << 20

// leastShared is the shared memory that a block can have on every GPU of the set, in bytes.
const leastShared = 99 << 10

// TestBuiltIn finds the PTX of every kernel of the set, made of its source as it is now, and no
// other. It needs no NVRTC, unless it is told to make them. A changed frame or type of the set
// makes the archive stale, other types do not.
func TestBuiltIn(t *testing.T) {
	set, all := wantedBuiltIn(t)
	if *generateBuiltIn {
		makeBuiltIn(t, set, all)
		return
	}
	a := loaded(t, builtin.Kernels)
	have := map[string]*builtin.Kernel{}
	for i := range a.Kernels {
		k := &a.Kernels[i]
		have[fmt.Sprint(k.Hash, k.Arch)] = k
	}
	var missing []string
	for _, s := range all {
		for _, arch := range set.Archs {
			key := fmt.Sprint(sourceHash(s), arch)
			k := have[key]
			if k == nil {
				missing = append(missing, fmt.Sprintf("%s for compute_%d", s.Name, arch))
				continue
			}
			delete(have, key)
			if k.Name != s.Name {
				missing = append(missing, fmt.Sprintf("%s for compute_%d, which was called %s", s.Name, arch, k.Name))
			}
			if strings.Contains(k.PTX, ".extern .func") {
				t.Errorf("%s for compute_%d calls a function that nobody defines", s.Name, arch)
			}
			if !strings.Contains(k.PTX, fmt.Sprintf("\n.target sm_%d\n", arch)) || !strings.HasSuffix(k.PTX, "}\n\n") && !strings.HasSuffix(k.PTX, "}\n") {
				t.Errorf("%s for compute_%d is no whole PTX of it", s.Name, arch)
			}
		}
	}
	if n := len(missing); n > 0 {
		t.Errorf("%d of %d kernels that come with the program are not those of their current source, first %s: run\n%s", n, n+len(a.Kernels)-len(have), missing[0], howTo)
	}
	if len(have) > 0 && missing == nil {
		t.Errorf("%d kernels come with the program that the set does not want: run\n%s", len(have), howTo)
	}
	if n := builtin.Packed(); n > mostBuiltIn {
		t.Errorf("the kernels that come with the program take %d bytes: at most %d", n, mostBuiltIn)
	}
}

// TestBuiltInDemo finds the embedded model in the set, so that it runs without NVRTC: its width,
// its matrices, its heads and its cache.
func TestBuiltInDemo(t *testing.T) {
	set := loaded(t, builtin.Wanted)
	f := loaded(t, func() (*gguf.File, error) { return gguf.Parse(demo.Model(), nil) })
	number := func(key string) int {
		n, ok, err := f.U32("llama." + key)
		if !ok || err != nil {
			t.Fatalf("the embedded model's %s: %t, %v", key, ok, err)
		}
		return int(n)
	}
	if n := number("embedding_length"); !slices.Contains(set.Widths, n) {
		t.Errorf("width %d", n)
	}
	for _, x := range f.Tensors() {
		if name := kernels.Default().ByID(int(x.Type)).Name; !slices.Contains(set.Weights, name) {
			t.Errorf("%s is of %s", x.Name, name)
		}
	}
	dim := number("attention.key_length")
	if !slices.ContainsFunc(set.Caches, func(c builtin.Cache) bool {
		return c.Key == "f16" && c.Value == "f16" && c.Exact == "" && slices.Contains(c.Dims, dim)
	}) {
		t.Errorf("no cache of f16 for heads of %d", dim)
	}
}

// TestBuiltInSame makes some of them again, and compares every byte. It needs NVRTC of the version
// that they were made with.
func TestBuiltInSame(t *testing.T) {
	f := newForge(t)
	a := loaded(t, builtin.Kernels)
	var major, minor int32
	f.api.Version(&major, &minor)
	if int(major) != a.Major || int(minor) != a.Minor {
		t.Skipf("nothing is compared: %s is of CUDA %d.%d, and the kernels were made with %d.%d", f.lib, major, minor, a.Major, a.Minor)
	}
	set, all := wantedBuiltIn(t)
	compared := 0
	for i, s := range all {
		if i%17 != 3 {
			continue
		}
		arch := set.Archs[i%len(set.Archs)]
		o := f.one(0, item{program: program{s, ""}, arch: arch, ptx: true, keep: true})
		k := a.Find(sourceHash(s), arch)
		if o.Error != "" || k == nil {
			t.Errorf("%s for compute_%d: %s %v", s.Name, arch, o.Error, k != nil)
			continue
		}
		compared++
		if k.PTX != ptxText(o.PTX) {
			t.Errorf("%s for compute_%d is not what %s makes of it: run\n%s", s.Name, arch, f.lib, howTo)
		}
	}
	if compared < 5 {
		t.Errorf("%d kernels compared", compared)
	}
}

func loaded[T any](t *testing.T, load func() (T, error)) T {
	t.Helper()
	x, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func ptxText(code []byte) string { return strings.TrimRight(string(code), "\x00") }

// wantedBuiltIn are the programs of the set, each once.
func wantedBuiltIn(t *testing.T) (*builtin.Set, []*gpu.Source) {
	t.Helper()
	set := loaded(t, builtin.Wanted)
	var all []*gpu.Source
	seen := map[string]bool{}
	add := func(s *gpu.Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if h := sourceHash(s); !seen[h] {
			seen[h] = true
			all = append(all, s)
		}
	}
	typ := func(name string) *kernels.Type {
		found := kernels.Default().ByName(name)
		if found == nil {
			t.Fatalf("set.txt: no type %q", name)
		}
		return found
	}
	add(rope.Source(generated))
	add(gpu.FrameSource(generated, "scale"))
	add(gpu.FrameSource(generated, "experts"))
	for _, w := range set.Widths {
		add(gpu.FrameSource(generated, "step", engine.StepDefines(w)...))
	}
	for _, exact := range []bool{true, false} {
		add(product.GemmSource(generated, exact))
		for _, name := range set.Weights {
			add(product.Source(generated, typ(name), exact))
			if product.Batches(typ(name), exact) {
				add(product.BatchedSource(generated, typ(name)))
			}
		}
	}
	for _, name := range set.Weights {
		add(product.MatrixSource(generated, typ(name)))
	}
	for _, c := range set.Caches {
		for _, dim := range c.Dims {
			pair := rows.Pair{Key: rows.Side{Type: typ(c.Key), Dim: dim}, Value: rows.Side{Type: typ(c.Value), Dim: dim}}
			pairs := []rows.Pair{pair}
			a := attend.Shape{Key: pair.Key, Value: pair.Value}
			if c.Exact != "" {
				end := rows.Side{Type: typ(c.Exact), Dim: dim}
				pairs = append(pairs, rows.Pair{Key: end, Value: end})
				a.Exact = &pairs[1]
				add(rows.EvictSource(generated, pair, pairs[1]))
			}
			for _, p := range pairs {
				for _, s := range []rows.Side{p.Key, p.Value} {
					if err := s.Type.Fits(dim); err != nil {
						t.Fatalf("set.txt: %v", err)
					}
				}
				add(rows.StoreSource(generated, p.Key, true))
				add(rows.StoreSource(generated, p.Value, false))
				add(qkv.Source(generated, p))
			}
			many := a
			many.Fast = true
			prefill, err := many.PrefillSources(generated, leastShared)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range prefill {
				add(s, nil)
			}
			for _, fast := range []bool{true, false} {
				for _, rows := range []int{1, 8, 16} {
					a.Fast = fast
					add(a.For(1, rows).Source(generated))
				}
			}
		}
	}
	return set, all
}

// makeBuiltIn writes the archive. PTX of the same compiler and the same source is taken from the
// old one.
func makeBuiltIn(t *testing.T, set *builtin.Set, all []*gpu.Source) {
	f := newForge(t)
	var major, minor int32
	f.api.Version(&major, &minor)
	old, err := builtin.Kernels()
	if err != nil || old.Major != int(major) || old.Minor != int(minor) {
		old = &builtin.Archive{}
	}
	a := &builtin.Archive{Major: int(major), Minor: int(minor)}
	var todo []item
	var places []int // of items in a
	for _, s := range all {
		for _, arch := range set.Archs {
			k := builtin.Kernel{Name: s.Name, Hash: sourceHash(s), Arch: arch}
			// The name is in the PTX, so that it must be the same.
			if was := old.Find(k.Hash, arch); was != nil && was.Arch == arch && was.Name == s.Name {
				k.PTX = was.PTX
			} else {
				todo, places = append(todo, item{program: program{s, ""}, arch: arch, ptx: true, keep: true}), append(places, len(a.Kernels))
			}
			a.Kernels = append(a.Kernels, k)
		}
	}
	if working(t, f, todo) {
		return
	}
	start := time.Now()
	f.employ(t, todo, func(o outcome) { a.Kernels[places[o.Item]].PTX = ptxText(o.PTX) })
	var b bytes.Buffer
	if err := a.Write(&b); err != nil || t.Failed() {
		t.Fatal(err, "nothing is written")
	}
	back, err := builtin.Read(b.Bytes())
	if err != nil || !slices.Equal(back.Kernels, a.Kernels) {
		t.Fatalf("what was written is not read again: %v", err)
	}
	if b.Len() > mostBuiltIn {
		t.Fatalf("%d bytes: at most %d; nothing is written", b.Len(), mostBuiltIn)
	}
	if err := os.WriteFile(filepath.Join("builtin", builtin.File), b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%d kernels, %d of them compiled, are %d bytes, in %.0f s\n", len(a.Kernels), len(todo), b.Len(), time.Since(start).Seconds())
}
