package kvgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/kernels"
)

// The tests of this file hold the design where no single package can. A check is a function of what
// go list or the disk says to a list of findings; each is shown mistakes first.

const module = "github.com/kvgen/kvgen"

// A pkg is what go list says of a package of this module.
type pkg struct {
	ImportPath string
	Doc        string
	Imports    []string // direct
	Deps       []string // all, recursively
}

type layer struct{ from, to, except, free, why string }

// layers are the imports that are not allowed: no package below from may depend on one below to.
// Packages below except may, and everybody may depend on those below free.
var layers = append([]layer{
	{"runtime", "gen", "", "", "the runtime knows what was generated, not how"},
	{"runtime", "cmd", "", "", "commands are on top"},
	{"kernels", "gen", "", "", "importers never need the generator"},
	{"kernels", "runtime", "", "", "kernels are below the runtime"},
	{"gen", "runtime", "", "", "the compiler runs nothing"},
	{"gen", "kernels", "gen/live", "kernels/ref kernels/abi kernels/args", "the compiler does not depend on what it writes; gen/live brings both together"},
	{"gen/spec", "gen/ir", "", "", "a later stage imports an earlier one"},
	{"gen/spec", "gen/lower", "", "", "a later stage imports an earlier one"},
	{"gen/ir", "gen/lower", "", "", "a later stage imports an earlier one"},
	{"gen/ir", "gen/target", "", "", "no instruction set above its target"},
	{"gen/lower", "gen/target", "", "", "no instruction set above its target"},
	{"gen/lower", "gen/asm", "", "", "no instruction set above its target"},
	{"runtime/program", "runtime/model", "", "", "a Program is data"},
	{"runtime/program", "runtime/cpu/engine", "", "", "a Program is data"},
	{"runtime/cpu", "runtime/model", "", "", "an engine runs a Program, whatever it was made of"},
	{"runtime/kv", "runtime/model", "", "", "a cache knows the shapes of layers alone"},
	{"runtime/model", "runtime/gpu", "", "", "a Program is data: a device is an engine that the caller gives"},
	{"gen", "templates", "", "", "a frame names no type, so nothing of it is generated"},
	{"templates", "gen", "", "", "a frame is text"},
	{"templates", "kernels", "", "", "a frame is text"},
	{"kernels/ref", "kernels/cpu", "", "", "an oracle is independent of what it judges"},
}, gpuLayers()...)

// direct are the imports that are not allowed, though a package may depend on them through others.
var direct = []struct{ from, to, why string }{
	{"runtime", "kernels/cpu", "kernels are called through the table of package kernels"},
	{"cmd", "kernels/cpu", "kernels are called through the table of package kernels"},
	{"cmd/kvrun", "gen/target", "gen/live compiles what is given as text"},
}

// only are the packages that may import a library directly.
var only = map[string]string{
	"github.com/spf13/pflag": "cmd",

	"github.com/nats-io/nats-server/v2/server": "runtime/fleet/queue",
	"github.com/dave/jennifer/jen":             "gen",
	"github.com/ebitengine/purego":             "runtime",
	"github.com/nats-io/nats.go":               "runtime/fleet",
	"C":                                        "(nothing: there is no cgo)",
}

// below reports whether an import path is the folder or inside it.
func below(importPath, folder string) bool {
	folder = path.Join(module, folder)
	return importPath == folder || strings.HasPrefix(importPath, folder+"/")
}

// shared are the folders of gen/target that are no back end: back ends stand on them.
var shared = []string{"internal", "simd", "ctext", "gpus"}

// backEnd is the folder of gen/target that an import path is in, "" for one that is in none or in
// one that is shared.
func backEnd(importPath string) string {
	below, ok := strings.CutPrefix(importPath, module+"/gen/target/")
	if name, _, _ := strings.Cut(below, "/"); ok && !slices.Contains(shared, name) {
		return name
	}
	return ""
}

// checkBackEnds holds a back end to being named where the list of them is. kernelvet judges
// assembly of machines that no kernels are generated for.
func checkBackEnds(p pkg) (found []string) {
	lists := []string{module + "/gen", module + "/gen/target/gpus"}
	for _, imp := range p.Imports {
		if name := backEnd(imp); name != "" && name != backEnd(p.ImportPath) && !slices.Contains(lists, p.ImportPath) && !below(p.ImportPath, "cmd/kernelvet") {
			found = append(found, fmt.Sprintf("%s imports %s: a back end is a folder and a line in a list", p.ImportPath, imp))
		}
	}
	return found
}

func checkImports(pkgs []pkg) (found []string) {
	for _, p := range pkgs {
		for _, l := range layers {
			if !below(p.ImportPath, l.from) || l.except != "" && below(p.ImportPath, l.except) {
				continue
			}
			for _, dep := range p.Deps {
				if below(dep, l.to) && !slices.ContainsFunc(strings.Fields(l.free), func(free string) bool { return below(dep, free) }) {
					found = append(found, fmt.Sprintf("%s depends on %s: %s", p.ImportPath, dep, l.why))
				}
			}
		}
		for _, imp := range p.Imports {
			for _, d := range direct {
				if below(p.ImportPath, d.from) && below(imp, d.to) {
					found = append(found, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imp, d.why))
				}
			}
			if (imp == "unsafe" || imp == "github.com/ebitengine/purego") && below(p.ImportPath, "runtime/gpu") {
				found = append(found, fmt.Sprintf("%s imports %s: drivers alone handle memory that Go does not know", p.ImportPath, imp))
			}
			if folder, limited := only[imp]; limited && !below(p.ImportPath, folder) {
				found = append(found, fmt.Sprintf("%s imports %s, which is for %s", p.ImportPath, imp, folder))
			}
		}
		found = append(found, checkBackEnds(p)...)
		found = append(found, checkDrivers(p)...)
		if p.Doc == "" {
			found = append(found, p.ImportPath+" has no doc comment")
		}
	}
	return found
}

func TestImports(t *testing.T) {
	planted := []pkg{
		{ImportPath: module + "/runtime/kv", Doc: "d", Deps: []string{module + "/gen/spec"}},
		{ImportPath: module + "/gen/lower", Doc: "d", Deps: []string{module + "/gen/target/amd64"}},
		{ImportPath: module + "/gen/interp", Doc: "d", Deps: []string{module + "/kernels", module + "/kernels/ref"}},
		{ImportPath: module + "/runtime/chat", Doc: "d", Imports: []string{"github.com/spf13/pflag"}},
		{ImportPath: module + "/runtime/cpu", Doc: "d", Imports: []string{"C"}},
		{ImportPath: module + "/gen/ir"},
		{ImportPath: module + "/gen/target/simd", Doc: "d", Imports: []string{module + "/gen/target/toy/feature"}},
		{ImportPath: module + "/runtime/gpu/rows", Doc: "d", Imports: []string{"unsafe"}},
		{ImportPath: module + "/runtime/gpu/rows", Doc: "d", Imports: []string{"github.com/ebitengine/purego"}},
		{ImportPath: module + "/runtime/gpu/rows", Doc: "d", Deps: []string{module + "/runtime/cuda"}},
		{ImportPath: module + "/runtime/model", Doc: "d", Imports: []string{module + "/kernels/cpu"}},
		{ImportPath: module + "/runtime/model", Doc: "d", Deps: []string{module + "/runtime/gpu/engine"}},
		{ImportPath: module + "/cmd/kvrun", Doc: "d", Imports: []string{module + "/gen/target"}},
		{ImportPath: module + "/cmd/kvgen", Doc: "d", Imports: []string{module + "/gen/target/toy"}},
		{ImportPath: module + "/cmd/kvrun", Doc: "d", Imports: []string{module + "/runtime/cuda"}},
	}
	if found := checkImports(planted); len(found) != len(planted) {
		t.Fatalf("of %d planted mistakes found %q", len(planted), found)
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Deps", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	for _, folder := range []string{"gen/lower", "kernels", "runtime/kv", "cmd/kvrun"} {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.ImportPath == path.Join(module, folder) }) {
			t.Errorf("go list says nothing of %s", folder)
		}
	}
	for _, f := range checkImports(pkgs) {
		t.Error(f)
	}
}

// searching are calls that look for a library on Windows in the current folder and on the PATH.
var searching = regexp.MustCompile(`windows\.LoadDLL\(|windows\.LoadLibrary\(|NewLazyDLL\(|syscall\.LoadLibrary\(|syscall\.LoadDLL\(`)

// TestLibrarySearch keeps libraries of Windows to the system's folder and to those that are named.
func TestLibrarySearch(t *testing.T) {
	if !searching.MatchString(`windows.LoadDLL("nvcuda.dll")`) || searching.MatchString(`windows.LoadLibraryEx("nvcuda.dll", 0, flags)`) {
		t.Fatal("the search finds nothing, or everything")
	}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, ".go") && s.name != "layout_test.go" && searching.Match(s.text) {
			t.Errorf("%s loads a library by a name that is searched for; use windows.LoadLibraryEx", s.name)
		}
	}
}

// A source is a file of the tree, by its slash-separated name.
type source struct {
	name string
	text []byte
}

// sources reads every file of the tree that people or kvgen write, test data apart.
func sources(t *testing.T) (all []source) {
	t.Helper()
	kinds := append([]string{".go", ".s", ".hcl", ".py", ".md"}, deviceEndings()...)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !slices.Contains(kinds, filepath.Ext(name)):
			return nil
		}
		text, err := os.ReadFile(name)
		all = append(all, source{filepath.ToSlash(name), text})
		return err
	})
	if err != nil || len(all) < 300 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

var header = regexp.MustCompile(`^// Code generated by kvgen from (?:[*a-zA-Z0-9_]+\.hcl|kernels/args/\*\.go|gen/target/gpus/gpus\.go); DO NOT EDIT\.\n`)

// checkFiles looks at length and header. kvgen check compares what is generated; here is only that
// nothing pretends to be.
func checkFiles(files []source) (found []string) {
	const limit = 600 // lines by hand
	for _, f := range files {
		generated := header.Match(f.text)
		if lines := bytes.Count(f.text, []byte("\n")); !generated && lines > limit {
			found = append(found, fmt.Sprintf("%s: %d lines by hand, the limit is %d", f.name, lines, limit))
		}
		dir := path.Dir(f.name)
		if generated && dir != "kernels" && path.Dir(dir) != "kernels" && dir != "runtime/drivers" {
			found = append(found, f.name+": a generated file outside kernels")
		}
		if !generated && slices.Contains(deviceEndings(), path.Ext(f.name)) && path.Dir(dir) != "templates" {
			found = append(found, f.name+": device text that is neither a frame nor generated")
		}
		if !generated && path.Ext(f.name) == ".s" {
			found = append(found, f.name+": assembly without the header of generated files")
		}
	}
	return found
}

func TestFiles(t *testing.T) {
	head := "// Code generated by kvgen from x.hcl; DO NOT EDIT.\n"
	long := strings.Repeat("\n", 601)
	planted := []source{
		{"gen/long.go", []byte(long)},
		{"runtime/cpu/x.go", []byte(head)},
		{"kernels/cpu/x_amd64.s", []byte("TEXT ·x(SB), NOSPLIT, $0-0\n")},
		{"kernels/cuda/x.cu", []byte("struct x {};\n")},
	}
	if found := checkFiles(planted); len(found) != len(planted) {
		t.Fatalf("of %d planted mistakes found %q", len(planted), found)
	}
	if found := checkFiles([]source{{"kernels/cpu/x_amd64.s", []byte(head + long)}}); len(found) != 0 {
		t.Fatalf("a generated file may be long: %q", found)
	}
	for _, f := range checkFiles(sources(t)) {
		t.Error(f)
	}
}

// checkNames finds string literals of gen and runtime that name a type: a change to Go code for a
// type is a defect of the compiler. f32, f16 and bf16 are also kinds of fields and of tensors, so
// they are not looked for.
func checkNames(files []source, names []string) (found []string, err error) {
	pattern := regexp.MustCompile(`(?i)\b(` + strings.Join(names, "|") + `)\b`)
	for _, f := range files {
		compiled := strings.HasPrefix(f.name, "gen/") || strings.HasPrefix(f.name, "runtime/")
		if !compiled || path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.name, f.text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && pattern.MatchString(lit.Value) {
				found = append(found, fmt.Sprintf("%s: %s names a type", fset.Position(lit.Pos()), lit.Value))
			}
			return true
		})
	}
	return found, nil
}

func TestNoTypeNames(t *testing.T) {
	var names []string
	for _, typ := range kernels.Default().Types() {
		if typ.Quantised {
			names = append(names, regexp.QuoteMeta(typ.Name))
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d types", len(names))
	}
	planted := []source{
		{"runtime/kv/x.go", []byte("package kv\n\nconst best = \"turbo4\"\n")},
		{"runtime/policy/auto.go", []byte("package policy\n\nvar careful = []string{\"q8_0\"}\n")},
		{"gen/lower/x.go", []byte("package lower\n\nvar _ = map[string]int{`Q4_0`: 1}\n")},
	}
	clean := []source{
		{"gen/spec/x.go", []byte("package spec\n\n// q8_0 in a comment\nconst field = \"f16\"\n")},
		{"gen/spec/x_test.go", []byte("package spec\n\nconst q = \"q8_0\"\n")},
		{"cmd/kvrun/x.go", []byte("package main\n\nconst q = \"q8_0\"\n")},
	}
	if found, err := checkNames(append(planted, clean...), names); err != nil || len(found) != len(planted) {
		t.Fatalf("%v; of %d planted mistakes found %q", err, len(planted), found)
	}
	found, err := checkNames(sources(t), names)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
