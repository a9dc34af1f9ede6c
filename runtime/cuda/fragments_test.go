package cuda

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	"github.com/kvgen/kvgen/runtime/gpu/qkv"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// classes are the architectures of the same PTX, but for their names: they see the same text, by
// what frames ask of __CUDA_ARCH__. The last two do, and have PTX of their own. Machine code is
// made for each.
var classes = [][]int{{75}, {80, 86, 89}, {90}, {100}}

// TestClasses finds no frame and no type that asks for another architecture than classes knows.
func TestClasses(t *testing.T) {
	asks := regexp.MustCompile(`__CUDA_ARCH__(.*)`)
	found := 0
	for _, s := range append(frames(t), sources(t, rows.Side{Type: kernels.Default().ByName("q4_0"), Dim: 64})...) {
		for name, text := range s.Headers {
			for _, m := range asks.FindAllStringSubmatch(text, -1) {
				found++
				if got := strings.TrimSpace(m[1]); got != ">= 800" && got != ">= 900" {
					t.Errorf("%s asks for __CUDA_ARCH__ %s: classes must know", name, got)
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing asks for an architecture: the test looks in the wrong place")
	}
	if got := slices.Concat(classes...); !slices.Equal(got, architectures) {
		t.Errorf("classes of %v", got)
	}
}

// TestClassesSame compiles the fragments of every fourth type, and what knows no type, for each
// architecture of a class: but for the name of the architecture the PTX is the same. It needs
// NVRTC.
func TestClassesSame(t *testing.T) {
	f := newForge(t)
	programs := frames(t)
	seen := map[*kernels.Type]bool{}
	for n, x := range everyFragment() {
		if !seen[x.typ] && len(seen)%4 == 0 { // one size of it
			programs = append(programs, merged(t, fmt.Sprint(x.typ.Name, "-", x.dim), x.sources(t, n)))
		}
		seen[x.typ] = true
	}
	var all []item
	for _, s := range programs {
		for _, class := range classes {
			for _, arch := range class {
				if len(class) > 1 {
					all = append(all, item{program: program{s, ""}, arch: arch, ptx: true, quick: true, keep: true})
				}
			}
		}
	}
	if working(t, f, all) {
		return
	}
	target := regexp.MustCompile(`\n\.target sm_\d+\n`)
	class := func(arch int) []int {
		return classes[slices.IndexFunc(classes, func(c []int) bool { return slices.Contains(c, arch) })]
	}
	texts := map[string]string{}
	f.employ(t, all, func(o outcome) {
		i, text := all[o.Item], target.ReplaceAllString(string(o.PTX), "\n.target\n")
		if text == string(o.PTX) {
			t.Errorf("%v: no PTX", i)
		}
		key := fmt.Sprint(sourceHash(i.Source), class(i.arch))
		if first, ok := texts[key]; ok && first != text {
			t.Errorf("%v: not the PTX of another architecture of %v", i, class(i.arch))
		}
		texts[key] = text
	})
	fmt.Printf("%d programs compiled, %d of them apart from the architecture's name\n", len(all), len(texts))
}

// typeSide is a type as one side of a layer.
type typeSide struct {
	typ string
	key bool
	dim int
}

// fragment is what a type needs for a size of head, with the type as keys and as values: programs
// of whole kernels, of which those of several sizes are merged.
type fragment struct {
	typ *kernels.Type
	dim int
	// for which there is machine code, 0 for none: it takes three times as long as all else
	arch int
}

// machineSizes is how many sizes of a type are compiled to machine code.
var machineSizes = flag.Int("machine", 2, "compile fragments of so many sizes of head of each type to machine code, each for one architecture, the others to PTX")

// everyFragment is all there are. Sizes and architectures of machine code go round with the types,
// so that each meets every kind.
func everyFragment() (all []fragment) {
	n := 0
	for _, typ := range kernels.Default().Types() {
		if !typ.KV {
			continue
		}
		n++
		first := len(all)
		for _, dim := range dims {
			if typ.Fits(dim) == nil {
				all = append(all, fragment{typ: typ, dim: dim})
			}
		}
		fit := all[first:]
		many := min(*machineSizes, len(fit))
		for j := range many {
			fit[(n+j*len(fit)/many)%len(fit)].arch = architectures[(n+5*j)%len(architectures)]
		}
	}
	return all
}

// sides are those that the fragment's programs are made of.
func (f fragment) sides() []typeSide {
	return []typeSide{{f.typ.Name, true, f.dim}, {f.typ.Name, false, f.dim}}
}

// sources are its programs: rows stored, read and exported on both sides, and attention of one
// token, of one token of several sequences, or of many in the fast form and with a rotation. Which,
// goes round with n.
func (f fragment) sources(t *testing.T, n int) (all []*gpu.Source) {
	t.Helper()
	s := rows.Side{Type: f.typ, Dim: f.dim}
	turned := s
	turned.Rotation = fitting(s, n)
	a := attend.Shape{Key: s, Value: s}.For(1, 4)
	switch n % 3 {
	case 0:
		a = attend.Shape{Key: turned, Value: turned, Fast: true}.For(64, 4)
	case 1:
		a = attend.Shape{Key: s, Value: s, Paged: true}.For(1, 4)
	}
	for _, source := range []func() (*gpu.Source, error){
		func() (*gpu.Source, error) { return rows.MoveSource(generated, s, true) },
		func() (*gpu.Source, error) { return rows.MoveSource(generated, s, false) },
		func() (*gpu.Source, error) { return qkv.Source(generated, rows.Pair{Key: turned, Value: turned}) },
		func() (*gpu.Source, error) { return a.Source(generated) },
	} {
		src, err := source()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}

// TestCompile compiles every fragment: each type as keys and as values, each size of head that fits
// it, for each class of architectures; see -machine for how many of them to machine code. So are
// the programs of weights, every fourth for one architecture to machine code, and those that know
// no type for all architectures. Little is optimised. It needs NVRTC and no GPU, and four to six
// minutes of one core. TestCompileKernels is the long form.
func TestCompile(t *testing.T) {
	f := newForge(t)
	var all []item
	add := func(name string, sources []*gpu.Source, arch int, ptx bool) {
		if len(sources) > 0 {
			all = append(all, item{program: program{merged(t, name, sources), ""}, arch: arch, ptx: ptx, quick: true})
		}
	}
	byType := map[*kernels.Type][]fragment{}
	for _, x := range everyFragment() {
		byType[x.typ] = append(byType[x.typ], x)
	}
	for n, typ := range kernels.Default().Types() {
		matrixArch := architectures[n/4%len(architectures)]
		for c, class := range classes {
			var rest []*gpu.Source // as PTX
			var names []string
			for i, x := range byType[typ] {
				sources := x.sources(t, n+i+c)
				if slices.Contains(class, x.arch) { // in place of its class's PTX
					add(fmt.Sprintf("%s-%d", typ.Name, x.dim), sources, x.arch, false)
					continue
				}
				rest, names = append(rest, sources...), append(names, strconv.Itoa(x.dim))
			}
			add(typ.Name+"-"+strings.Join(names, "-"), rest, class[0], true)
			if n%4 == 0 && slices.Contains(class, matrixArch) {
				add("weights-"+typ.Name, matrixSources(t, typ), matrixArch, false)
			} else {
				add("weights-"+typ.Name, matrixSources(t, typ), class[0], true)
			}
		}
	}
	for _, s := range frames(t) {
		for _, arch := range architectures {
			all = append(all, item{program: program{s, ""}, arch: arch, quick: true})
		}
	}
	f.compile(t, all)
}

// TestEveryCombination puts attention together of every type of keys, every type of values and
// every size of head that fits both: each is the frame that all share, with fragments of both sides
// that TestCompile compiles. It needs nothing.
func TestEveryCombination(t *testing.T) {
	compiled := map[typeSide]bool{}
	for _, f := range everyFragment() {
		for _, s := range f.sides() {
			compiled[s] = true
		}
	}
	types, n, frame := kernels.Default().Types(), 0, ""
	names := regexp.MustCompile(`Type_\w+`)
	for _, dim := range dims {
		for _, k := range types {
			for _, v := range types {
				if k.Fits(dim) != nil || v.Fits(dim) != nil {
					continue
				}
				n++
				s, err := attend.Shape{Key: rows.Side{Type: k, Dim: dim}, Value: rows.Side{Type: v, Dim: dim}}.Source(generated)
				if err != nil {
					t.Fatal(err)
				}
				for _, side := range []typeSide{{k.Name, true, dim}, {v.Name, false, dim}} {
					if !compiled[side] {
						t.Errorf("%+v of %s is in no fragment that is compiled", side, s.Name)
					}
				}
				if got := names.FindAllString(s.Main, -1); !slices.Equal(got, []string{"Type_" + k.Name, "Type_" + v.Name}) {
					t.Errorf("%s names %v", s.Name, got)
				}
				if got := s.Main[strings.LastIndex(s.Main, "#include"):]; frame != "" && got != frame {
					t.Errorf("%s: another frame, %s", s.Name, got)
				} else {
					frame = got
				}
			}
		}
	}
	if n < 4000 {
		t.Errorf("%d combinations", n)
	}
	fmt.Printf("%d combinations of %d fragments\n", n, len(compiled))
}
