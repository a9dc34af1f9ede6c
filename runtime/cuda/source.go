package cuda

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/kernels/cuda"
	"github.com/kvgen/kvgen/templates"
)

// Side is one side of a layer's cache.
type Side struct {
	Type     *kernels.Type
	Rotation *kernels.Rotation // nil for none
	Dim      int               // values of a head
}

// row is the number of values that device memory holds of a head: whole fragments of the tensor cores.
func (s Side) row() int { return (s.Type.HeadDim(s.Dim) + 15) / 16 * 16 }

// Pair is the two sides of a layer.
type Pair struct{ Key, Value Side }

// Texts finds the struct of a type or transform: type-NAME.cuh, transform-NAME.cuh. It is how a type that was compiled at run time
// joins those of the table.
type Texts func(name string) (text string, ok bool)

// Generated is the Texts of the table.
func Generated(name string) (string, bool) {
	text, err := fs.ReadFile(cuda.Files, name)
	return string(text), err == nil
}

// Source is a program for NVRTC: a main text and the headers that it includes, by name.
type Source struct {
	Name    string // for messages: attend-lm4_128-f16-128-128
	Main    string
	Headers map[string]string
	Options []string // but for the architecture
}

// exactly is the option of programs whose results are specified bit for bit.
var exactly = []string{"--fmad=false"}

// builder collects what one program includes.
type builder struct {
	find    Texts
	headers map[string]string
	main    strings.Builder
}

func newBuilder(find Texts) (*builder, error) {
	b := &builder{find: find, headers: map[string]string{}}
	frames, err := fs.Glob(templates.CUDA, "cuda/*")
	if err != nil {
		return nil, err
	}
	for _, name := range frames {
		text, err := fs.ReadFile(templates.CUDA, name)
		if err != nil {
			return nil, err
		}
		b.headers[path.Base(name)] = string(text)
	}
	b.include("encoder.cuh")
	return b, nil
}

func (b *builder) include(name string) { fmt.Fprintf(&b.main, "#include %q\n", name) }

// add includes the struct called name, once. A type that no kernel can read is refused here, before anything is compiled.
func (b *builder) add(kind, name string) error {
	file := kind + "-" + name + ".cuh"
	if _, done := b.headers[file]; done {
		return nil
	}
	b.include(file)
	if err := b.header(file); err != nil {
		return err
	}
	if strings.Contains(b.headers[file], wholeValue) {
		return fmt.Errorf("cuda: %s: a value that is a transform or a sum over the block cannot be read on a GPU", name)
	}
	return nil
}

// wholeValue is in the struct of a type none of whose values can be read without the others.
const wholeValue = "// One value needs the whole block"

// header takes a text and what that includes: a type the transforms that it uses.
func (b *builder) header(file string) error {
	if _, done := b.headers[file]; done {
		return nil
	}
	text, ok := b.find(file)
	if !ok {
		kind, name, _ := strings.Cut(strings.TrimSuffix(file, ".cuh"), "-")
		return fmt.Errorf("cuda: there is no kernel text for the %s %s", kind, name)
	}
	b.headers[file] = text
	for _, name := range includes(text) {
		if err := b.header(name); err != nil {
			return err
		}
	}
	return nil
}

// side includes what a side needs and returns the names of its type and its transform.
func (b *builder) side(s Side) (typ, rotation string, err error) {
	if err := b.add("type", s.Type.Name); err != nil {
		return "", "", err
	}
	typ = cuda.TypeName(s.Type.Name)
	if s.Rotation == nil {
		return typ, "Identity", nil
	}
	t := s.Rotation.Transform.Name
	return typ, cuda.TransformName(t), b.add("transform", t)
}

func (b *builder) define(name string, value any) {
	fmt.Fprintf(&b.main, "#define %s %v\n", name, value)
}

func (b *builder) source(name string, options []string) *Source {
	return &Source{Name: name, Main: b.main.String(), Headers: b.headers, Options: options}
}

// weights includes what rows of a type need and names it Type.
func (b *builder) weights(t *kernels.Type) error {
	if err := b.add("type", t.Name); err != nil {
		return err
	}
	fmt.Fprintf(&b.main, "using Type = %s;\n", cuda.TypeName(t.Name))
	return nil
}

// MatrixSource is the program with the kernels repack, gather, turn and expand of a type.
func MatrixSource(t *kernels.Type, find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	if err := b.weights(t); err != nil {
		return nil, err
	}
	b.include("matrix.cu")
	return &Source{Name: "matrix-" + t.Name, Main: b.main.String(), Headers: b.headers, Options: []string{"--fmad=false"}}, nil
}

// ProductSource is the program with the kernels product_1, 2, 4 and 8 of a type.
func ProductSource(t *kernels.Type, exact bool, find Texts) (*Source, error) {
	return productSource(t, exact, defaultShare, find)
}

// productSource is that with another share of a multiprocessor.
func productSource(t *kernels.Type, exact bool, s share, find Texts) (*Source, error) {
	b, err := newBuilder(find)
	if err != nil {
		return nil, err
	}
	if err := b.weights(t); err != nil {
		return nil, err
	}
	b.define("FAST", !exact && t.Quantised) // numbers are multiplied as they are
	b.define("WARPS", s.warps)
	b.define("BLOCKS", s.blocks)
	b.define("ROWS", s.rows)
	b.define("RING", s.ring)
	b.include("product.cu")
	return &Source{Name: fmt.Sprintf("product-%s-%s", t.Name, form(exact)), Main: b.main.String(), Headers: b.headers}, nil
}

// GemmSource is the program with the kernels split, gemm_large and gemm_small, which are the same for all types.
func GemmSource(exact bool) (*Source, error) {
	b, err := newBuilder(Generated)
	if err != nil {
		return nil, err
	}
	b.define("EXACT", exact)
	b.include("gemm.cu")
	return &Source{Name: "gemm-" + form(exact), Main: b.main.String(), Headers: b.headers}, nil
}

func form(exact bool) string {
	if exact {
		return "exact"
	}
	return "fast"
}

// includes are the headers that a text names, in its order.
func includes(text string) (names []string) {
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "#include "); ok {
			names = append(names, strings.Trim(name, `"`))
		}
	}
	return names
}

// included are the sorted names of the headers that the program includes, or that those do.
func (s *Source) included() []string {
	found := map[string]bool{}
	var read func(text string)
	read = func(text string) {
		for _, name := range includes(text) {
			if text, ok := s.Headers[name]; ok && !found[name] {
				found[name] = true
				read(text)
			}
		}
	}
	read(s.Main)
	return slices.Sorted(maps.Keys(found))
}
