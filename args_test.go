package kvgen

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A kernel of a GPU has one argument, a struct that Go writes and device text reads. These tests
// hold the two declarations together: fields in order, by name, kind and offset.

// A field is one number of a struct, those of structs inside by their path.
type field struct {
	path   string // in small letters without underscores
	kind   string
	offset int
}

// A layout collects the fields of a struct as both compilers lay them out.
type layout struct {
	fields      []field
	size, align int
}

// numbers are the kinds of fields by their names in Go and on the device, with their bytes. A
// pointer is an address to Go.
var numbers = map[string]struct {
	kind  string
	bytes int
}{
	"uint64": {"address", 8}, "*": {"address", 8}, "int64": {"long", 8}, "long long": {"long", 8},
	"int32": {"int", 4}, "int": {"int", 4}, "float32": {"float", 4}, "float": {"float", 4},
}

// add lays out a field, of a number or of a struct; "_" is room between others.
func (l *layout) add(name, kind string, inner *layout) {
	size, align := numbers[kind].bytes, numbers[kind].bytes
	if inner != nil {
		size, align = inner.size, inner.align
	}
	at := (l.size + align - 1) / align * align
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	switch {
	case inner != nil:
		for _, f := range inner.fields {
			l.fields = append(l.fields, field{strings.TrimPrefix(name+"."+f.path, "."), f.kind, at + f.offset})
		}
	case name != "":
		l.fields = append(l.fields, field{name, numbers[kind].kind, at})
	}
	l.size, l.align = at+size, max(l.align, align)
}

func (l *layout) end() *layout {
	l.size = (l.size + l.align - 1) / l.align * l.align
	return l
}

var (
	structText   = regexp.MustCompile(`(?ms)^struct (\w+) \{(.*?)\};`)
	lineComments = regexp.MustCompile(`//[^\n]*`)
	declaration  = regexp.MustCompile(`^(?:const )?(unsigned char|long long|unsigned|\w+)(\*?) (.*)$`)
	declarator   = regexp.MustCompile(`^(\*?)(\w+)(\[\w+\])?$`)
)

// deviceLayouts lays out the structs of a frame that hold data alone or before their functions.
// known are those of other frames; of an array the first element counts.
func deviceLayouts(text string, known map[string]*layout) {
	text = lineComments.ReplaceAllString(text, "")
	for _, m := range structText.FindAllStringSubmatch(text, -1) {
		l := &layout{}
		for _, d := range strings.Split(m[2], ";") {
			d = strings.Join(strings.Fields(d), " ")
			parts := declaration.FindStringSubmatch(d)
			if parts == nil || strings.Contains(d, "(") {
				break
			}
			for _, name := range strings.Split(parts[3], ", ") {
				n := declarator.FindStringSubmatch(name)
				kind, inner := parts[1], known[parts[1]]
				if n != nil && (parts[2] != "" || n[1] != "") {
					kind, inner = "*", nil
				}
				if n == nil || numbers[kind].bytes == 0 && inner == nil {
					l = nil // no struct of arguments
					break
				}
				l.add(n[2], kind, inner)
			}
			if l == nil {
				break
			}
		}
		if l != nil && l.size > 0 {
			known[m[1]] = l.end()
		}
	}
}

// A goStruct is a struct of package runtime/gpu with what its comment says that it is.
type goStruct struct {
	place, name string
	pkg         string // its last word
	frame, twin string // "" for none
	fields      *ast.FieldList
}

// goStructs lists structs of files by package and name.
func goStructs(files []source) (all map[string]goStruct, err error) {
	all = map[string]goStruct{}
	for _, f := range files {
		if !strings.HasPrefix(f.name, "runtime/gpu/") || path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || len(g.Specs) != 1 {
				continue
			}
			if s, ok := g.Specs[0].(*ast.TypeSpec); ok {
				if x, ok := s.Type.(*ast.StructType); ok {
					one := goStruct{place: fset.Position(d.Pos()).String(), name: s.Name.Name, pkg: tree.Name.Name, fields: x.Fields}
					if m := deviceStruct.FindStringSubmatch(g.Doc.Text()); m != nil {
						one.twin, one.frame = m[1], m[2]
					}
					all[one.pkg+"."+one.name] = one
				}
			}
		}
	}
	return all, nil
}

// goLayout lays out a struct; nil where a field is no number.
func goLayout(s goStruct, all map[string]goStruct) *layout {
	l := &layout{}
	for _, f := range s.fields.List {
		name, pkg := types.ExprString(f.Type), s.pkg
		if strings.HasPrefix(name, "[") {
			_, name, _ = strings.Cut(name, "]")
		}
		if before, after, ok := strings.Cut(name, "."); ok {
			pkg, name = before, after
		}
		var inner *layout
		if of, is := all[pkg+"."+name]; is {
			inner = goLayout(of, all)
		}
		if numbers[name].bytes == 0 && inner == nil {
			return nil
		}
		for _, n := range f.Names {
			l.add(n.Name, name, inner)
		}
	}
	return l.end()
}

// checkArgs compares the structs of arguments in Go with those of frames.
func checkArgs(files []source) (found []string, compared int, err error) {
	all, err := goStructs(files)
	if err != nil {
		return nil, 0, err
	}
	frames := map[string]string{}
	known := map[string]*layout{}
	for range 2 { // those that others hold may be in a later file
		for _, f := range files {
			if path.Dir(f.name) == "templates/cuda" {
				frames[path.Base(f.name)] = string(f.text)
				if path.Ext(f.name) == ".cuh" { // what a program has is its own
					deviceLayouts(string(f.text), known)
				}
			}
		}
	}
	for _, s := range all {
		if s.twin == "" {
			if strings.HasSuffix(strings.ToLower(s.name), "args") {
				found = append(found, fmt.Sprintf("%s: the comment of %s does not say which struct of which frame it is", s.place, s.name))
			}
			continue
		}
		own := maps.Clone(known)
		deviceLayouts(frames[s.frame], own)
		here, there := goLayout(s, all), own[s.twin]
		if here == nil || there == nil {
			found = append(found, fmt.Sprintf("%s: %s and struct %s of %s cannot be compared", s.place, s.name, s.twin, s.frame))
			continue
		}
		compared++
		if !slices.Equal(here.fields, there.fields) {
			k := 0
			for k < min(len(here.fields), len(there.fields)) && here.fields[k] == there.fields[k] {
				k++
			}
			found = append(found, fmt.Sprintf("%s: field %d of %s differs from struct %s of %s: %v and %v",
				s.place, k, s.name, s.twin, s.frame, here.fields[min(k, len(here.fields)-1)], there.fields[min(k, len(there.fields)-1)]))
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(a, b) })
	return found, compared, nil
}

// TestArgs shows checkArgs a field of another kind, one at another offset, one of another name, one
// too many and a struct without a twin, and then the project.
func TestArgs(t *testing.T) {
	frame := source{"templates/cuda/a.cu", []byte("struct In { int n; };\nstruct A {\n  const float *x, *y; // rows\n  int n;\n  In in;\n  long long ld;\n\n  int run() const { return n; }\n};\n")}
	one := func(fields string) source {
		return source{"runtime/gpu/a.go", []byte("package gpu\n\ntype inner struct{ n int32 }\n\n// aArgs is struct A of a.cu.\ntype aArgs struct {" + fields + "}\n")}
	}
	for fields, mistakes := range map[string]int{
		"x, y uint64; n int32; in inner; ld int64":             0,
		"x, y uint64; n float32; in inner; ld int64":           1,
		"x, y uint64; n, _ int32; in inner; ld int64":          1,
		"y, x uint64; n int32; in inner; ld int64":             1,
		"x, y uint64; n int32; in inner; ld int64; more int64": 1,
		"x, y uint64; n int32; in inner":                       1,
		"x, y []byte":                                          1,
	} {
		found, _, err := checkArgs([]source{frame, one(fields)})
		if err != nil || len(found) != mistakes {
			t.Errorf("%s: %v, found %q, want %d", fields, err, found, mistakes)
		}
	}
	if found, _, _ := checkArgs([]source{{"runtime/gpu/a.go", []byte("package gpu\n\ntype bArgs struct{ n int32 }\n")}}); len(found) != 1 {
		t.Errorf("a struct without a twin: found %q", found)
	}
	found, compared, err := checkArgs(sources(t))
	if err != nil {
		t.Fatal(err)
	}
	if compared < 34 {
		t.Errorf("only %d structs are compared", compared)
	}
	for _, f := range found {
		t.Error(f)
	}
}
