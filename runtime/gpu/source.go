package gpu

import (
	"fmt"
	"strings"
)

// Dialect is what device text of one kind of GPU is: files by name. Frames are kernels and what
// they include; type-NAME and transform-NAME hold the struct of a type or transform.
type Dialect struct {
	Kernels string // ending of frames with kernels: .cu
	Header  string // and of what they include: .cuh

	Text          func(file string) (text string, ok bool)
	TypeName      func(name string) string // of the struct of a type
	TransformName func(name string) string
}

// Source is a program: a main text and the headers that it includes, by name.
type Source struct {
	Name    string // for messages: attend-lm4_128-f16-128-128
	Main    string
	Headers map[string]string
	Exact   bool // its results are specified bit for bit: products and sums are not fused
}

// Builder collects what one program includes.
type Builder struct {
	Dialect *Dialect
	headers map[string]string
	main    strings.Builder
	err     error
}

// NewBuilder begins a program.
func NewBuilder(d *Dialect) *Builder {
	b := &Builder{Dialect: d, headers: map[string]string{}}
	b.Include("encoder")
	return b
}

// Include includes a header of the frames.
func (b *Builder) Include(name string) { b.include(name + b.Dialect.Header) }

// Frame includes the frame that has the program's kernels.
func (b *Builder) Frame(name string) { b.include(name + b.Dialect.Kernels) }

func (b *Builder) include(file string) {
	b.Add("#include %q\n", file)
	b.header(file)
}

// Add adds a text to the program.
func (b *Builder) Add(format string, args ...any) { fmt.Fprintf(&b.main, format, args...) }

// Define defines a macro.
func (b *Builder) Define(name string, value any) { b.Add("#define %s %v\n", name, value) }

// Type includes the struct of a type, once, and returns its name. A type that no kernel can read is
// refused here, before anything is compiled.
func (b *Builder) Type(name string) string {
	b.add("type", name)
	return b.Dialect.TypeName(name)
}

// Transform includes the struct of a transform, once, and returns its name.
func (b *Builder) Transform(name string) string {
	b.add("transform", name)
	return b.Dialect.TransformName(name)
}

func (b *Builder) add(kind, name string) {
	file := kind + "-" + name + b.Dialect.Header
	if _, done := b.headers[file]; done || b.err != nil {
		return
	}
	b.include(file)
	if b.err == nil && strings.Contains(b.headers[file], wholeValue) {
		b.err = fmt.Errorf("gpu: %s: a value that is a transform or a sum over the block cannot be read on a GPU", name)
	}
}

// wholeValue is in the struct of a type none of whose values can be read without the others.
const wholeValue = "// One value needs the whole block"

// header takes a text and what that includes: a type the transforms that it uses.
func (b *Builder) header(file string) {
	if _, done := b.headers[file]; done || b.err != nil {
		return
	}
	text, ok := b.Dialect.Text(file)
	if !ok {
		what, name, _ := strings.Cut(strings.TrimSuffix(file, b.Dialect.Header), "-")
		if name == "" {
			what, name = "frame", file
		}
		b.err = fmt.Errorf("gpu: there is no kernel text for the %s %s", what, name)
		return
	}
	b.headers[file] = text
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "#include \"")
		if name, ended := strings.CutSuffix(name, "\""); ok && ended {
			b.header(name)
		}
	}
}

// Source is the program, or the first error in putting it together. It is exact where its results
// are specified bit for bit.
func (b *Builder) Source(name string, exact bool) (*Source, error) {
	if b.err != nil {
		return nil, b.err
	}
	return &Source{Name: name, Main: b.main.String(), Headers: b.headers, Exact: exact}, nil
}

// Define is a macro that a frame wants.
type Define struct {
	Name  string
	Value any
}

// FrameSource is a frame with what is defined before it, for kernels that know no type.
func FrameSource(d *Dialect, frame string, defines ...Define) (*Source, error) {
	b := NewBuilder(d)
	for _, d := range defines {
		b.Define(d.Name, d.Value)
	}
	b.Frame(frame)
	return b.Source(fmt.Sprint(frame, defines), false)
}
