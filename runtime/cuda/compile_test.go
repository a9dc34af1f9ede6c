package cuda

import (
	"flag"
	"fmt"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

var (
	compilerFile = flag.String("compiler", "", "an NVRTC library: compile every fragment for every architecture with it, which takes more than an hour of one core")
	everyNth     = flag.Int("every", 1, "compile one of so many, spread over types, heads and architectures")
)

// architectures are those that kernels are compiled for in the test.
var architectures = []int{75, 80, 86, 89, 90, 100}

// TestCompile compiles what stores and reads a side, for every type and size of head, with the type on both sides of attention: what
// a pair adds is the loop that all share; and what a matrix of each type needs. It needs NVRTC and no GPU.
func TestCompile(t *testing.T) {
	if *compilerFile == "" {
		t.Skip("no kernel is compiled: name NVRTC with -args -compiler FILE")
	}
	c := &Compiler{Files: []string{*compilerFile}}
	n, compiled := 0, 0
	compile := func(s *Source, arch int) {
		if n++; n%*everyNth != 0 {
			return
		}
		compiled++
		if _, err := c.Compile(s, Target{Arch: arch}); err != nil {
			t.Errorf("sm_%d: %v", arch, err)
		}
	}
	if s, err := TurnsSource(Generated); err != nil {
		t.Fatal(err)
	} else {
		compile(s, 75)
	}
	for _, typ := range kernels.Types() {
		if !typ.KV {
			continue
		}
		for i, dim := range []int{40, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576} {
			if typ.Fits(dim) != nil {
				continue
			}
			archs := architectures[(n+i)%len(architectures):][:1]
			if dim == 128 {
				archs = architectures
			}
			for _, arch := range archs {
				for _, s := range sources(t, Side{Type: typ, Dim: dim}) {
					compile(s, arch)
				}
			}
		}
	}
	for _, typ := range kernels.Types() {
		for _, s := range matrixSources(t, typ) {
			for _, arch := range architectures {
				compile(s, arch)
			}
		}
	}
	for _, exact := range []bool{true, false} {
		s, err := GemmSource(exact)
		if err != nil {
			t.Fatal(err)
		}
		for _, arch := range architectures {
			compile(s, arch)
		}
	}
	fmt.Printf("%d of %d kernels compiled\n", compiled, n)
}

// sources are the programs of a side, on both sides of a layer.
func sources(t *testing.T, s Side) (all []*Source) {
	t.Helper()
	add := func(src *Source, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	for _, key := range []bool{true, false} {
		add(StoreSource(s, key, Generated))
		add(MoveSource(s, key, Generated))
	}
	pair, half := Pair{s, s}, Side{Type: kernels.ByName("f16"), Dim: s.Dim}
	exact := &Pair{half, half}
	add(HeadsSource(pair, Generated))
	add(TakeSource(pair, *exact, Generated))
	for i, a := range []Attention{
		{},
		{Fast: true},
		{Exact: exact, Offset: &Pairing{Pairs: s.Dim / 2}, SoftCap: true},
		{Offset: &Pairing{Pairs: s.Dim / 4, Adjacent: true}, Warps: 8},
		{Fast: true, Paged: true},
		{Exact: exact, Offset: &Pairing{Pairs: s.Dim / 2}, Paged: true},
	} {
		a.Key, a.Value = s, s
		add(a.For([]int{1, 64, 2, 1, 1, 64}[i], 4).Source(Generated))
	}
	return all
}

// TestCompileFrames compiles the kernels that know no type, all of them for every architecture: that takes a minute.
func TestCompileFrames(t *testing.T) {
	if *compilerFile == "" {
		t.Skip("no kernel is compiled: name NVRTC with -args -compiler FILE")
	}
	c := &Compiler{Files: []string{*compilerFile}}
	for _, s := range frames(t) {
		for _, arch := range architectures {
			if _, err := c.Compile(s, Target{Arch: arch}); err != nil {
				t.Errorf("sm_%d: %v", arch, err)
			}
		}
	}
}

// frames are programs of kernels that know no type, for sizes as models have them and for odd ones.
func frames(t *testing.T) (all []*Source) {
	t.Helper()
	for _, f := range []struct {
		name    string
		defines []define
	}{
		{"scale.cu", nil}, {"experts.cu", nil},
		{"step.cu", []define{{"WIDTH", 2560}, {"THREADS", 640}}}, {"step.cu", []define{{"WIDTH", 100}, {"THREADS", 32}}},
		{"delta.cu", []define{{"DIM", 128}, {"TAPS", 4}}}, {"delta.cu", []define{{"DIM", 36}, {"TAPS", 1}}}, {"delta.cu", []define{{"DIM", mostDelta}, {"TAPS", 64}}},
		{"inputs.cu", []define{{"SIZE", 256}}}, {"inputs.cu", []define{{"SIZE", 20}}},
	} {
		src, err := frameSource(Generated, f.name, f.defines...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}

func matrixSources(t *testing.T, typ *kernels.Type) (all []*Source) {
	t.Helper()
	src, err := MatrixSource(typ, Generated)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, src)
	for _, exact := range []bool{true, false} {
		src, err := ProductSource(typ, exact, Generated)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}
