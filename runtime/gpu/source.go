package gpu

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/templates"
)

// Text finds a file of device text by its name.
type Text func(file string) (text string, ok bool)

// Dialect is what device text of one kind of GPU is. Frames are kernels and what they include;
// type-NAME and transform-NAME hold the struct of a type or transform, Type_NAME and
// Transform_NAME.
type Dialect struct {
	Kernels string // ending of frames with kernels: .cu
	Header  string // and of what they include: .cuh

	// Constant stands in front of a constant of a struct.
	Constant string

	texts []Text // the first that has a file counts
}

// NewDialect is the dialect of the driver of that name, whose frames have two endings. generated is
// what the compiler made for it; what more finds counts before that, nil for nothing.
func NewDialect(name, kernels, header string, generated fs.FS, more Text) *Dialect {
	d := &Dialect{Kernels: kernels, Header: header, Constant: "static constexpr"}
	if more != nil {
		d.texts = append(d.texts, more)
	}
	d.texts = append(d.texts, filesOf(templates.Files, name), filesOf(generated, ""))
	return d
}

// filesOf is the text of the files in a folder.
func filesOf(files fs.FS, folder string) Text {
	return func(file string) (string, bool) {
		text, err := fs.ReadFile(files, path.Join(folder, file))
		return string(text), err == nil
	}
}

// Text finds a file.
func (d *Dialect) Text(file string) (text string, ok bool) {
	for _, find := range d.texts {
		if text, ok = find(file); ok {
			return text, true
		}
	}
	return "", false
}

// Has says whether there is a frame of kernels of that name: a GPU may do without some, which then
// are the work of others.
func (d *Dialect) Has(frame string) bool {
	_, ok := d.Text(frame + d.Kernels)
	return ok
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
func (b *Builder) Include(name string) { b.include("frame "+name, name+b.Dialect.Header) }

// Frame includes the frame that has the program's kernels.
func (b *Builder) Frame(name string) { b.include("frame "+name, name+b.Dialect.Kernels) }

// include includes a file, which messages call what.
func (b *Builder) include(what, file string) {
	b.Add("#include %q\n", file)
	b.header(what, file)
}

// Add adds a text to the program.
func (b *Builder) Add(format string, args ...any) { fmt.Fprintf(&b.main, format, args...) }

// Define defines a macro.
func (b *Builder) Define(name string, value any) { b.Add("#define %s %v\n", name, value) }

// Type includes the struct of a type, once, and returns its name. A type that no kernel can read is
// refused here, before anything is compiled.
func (b *Builder) Type(t *kernels.Type) string {
	if t.Whole && b.err == nil {
		b.err = fmt.Errorf("gpu: %s: a value that is a transform or a sum over the block cannot be read on a GPU", t.Name)
	}
	b.once("type "+t.Name, "type-"+t.Name+b.Dialect.Header)
	return "Type_" + t.Name
}

// Transform includes the struct of a transform, once, and returns its name.
func (b *Builder) Transform(t *kernels.Transform) string {
	b.once("transform "+t.Name, "transform-"+t.Name+b.Dialect.Header)
	return "Transform_" + t.Name
}

// once includes a file that is not included yet.
func (b *Builder) once(what, file string) {
	if _, done := b.headers[file]; !done && b.err == nil {
		b.include(what, file)
	}
}

// header takes a text, which messages call what, and what that includes: a type the transforms that
// it uses.
func (b *Builder) header(what, file string) {
	if _, done := b.headers[file]; done || b.err != nil {
		return
	}
	text, ok := b.Dialect.Text(file)
	if !ok {
		b.err = fmt.Errorf("gpu: there is no kernel text for the %s", what)
		return
	}
	b.headers[file] = text
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "#include \"")
		if name, ended := strings.CutSuffix(name, "\""); ok && ended {
			b.header("file "+name, name)
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
