//go:build peers

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// All faults are compiled once, into the same programs. A function with a fault gets a copy of
// itself for each of its faults, with the fault in it, and begins with a choice among them. What
// the environment of a process says decides: no fault, or the one with that number.
//
//	func Add(a, b int) int {
//		if mutantOn { switch mutantAt(4) { case 17: return Add__mutant17(a, b) } }
//		return a + b
//	}
//
// The files of the checkout are left as they are: go build reads these in their place, by an
// overlay.

const (
	faultVariable = "MUTATE_FAULT" // the number of the fault that a process has
	reachVariable = "MUTATE_REACH" // a file with a byte per function, set to 1 where it is called
)

// choice is the file that every package with faults gets.
const choice = `package %s

import (
	"os"
	"strconv"
	"syscall"
)

var mutantReach, mutantActive, mutantOn = mutantStart()

func mutantStart() (reach []byte, active int, on bool) {
	active, err := strconv.Atoi(os.Getenv("` + faultVariable + `"))
	if err != nil {
		active = -1
	}
	if name := os.Getenv("` + reachVariable + `"); name != "" {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			panic(err)
		}
		reach, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		if err != nil {
			panic(err)
		}
	}
	return reach, active, active >= 0 || reach != nil
}

func mutantAt(function int) int {
	if mutantReach != nil {
		mutantReach[function] = 1
	}
	return mutantActive
}
`

// variants are the texts that take the place of files, by their slash-separated names, and the
// number of the function that each fault lies in. The number of a fault is its index.
func variants(root string, faults []mutation) (texts map[string][]byte, functions []int, err error) {
	texts = map[string][]byte{}
	functions = make([]int, len(faults))
	byFile := map[string][]int{}
	for n, m := range faults {
		byFile[m.file] = append(byFile[m.file], n)
	}
	count := 0
	for _, name := range sorted(byFile) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return nil, nil, err
		}
		changed, pkg, err := fileVariants(text, faults, byFile[name], functions, &count)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		texts[name] = changed
		texts[name[:strings.LastIndex(name, "/")+1]+"zz_mutant.go"] = fmt.Appendf(nil, choice, pkg)
	}
	return texts, functions, nil
}

// An edit replaces the bytes from offset on, old of them.
type edit struct {
	offset, old int
	new         string
}

// fileVariants is a file with the faults of these numbers to choose from. Lines keep their numbers;
// the copies follow behind.
func fileVariants(text []byte, faults []mutation, numbers, functions []int, count *int) (changed []byte, pkg string, err error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, "", err
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	var edits []edit
	var copies bytes.Buffer
	left := slices.Clone(numbers)
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		var cases strings.Builder
		named, call := forward(f, at)
		for _, n := range numbers {
			m := faults[n]
			if m.offset < at(f.Body.Lbrace) || m.offset >= at(f.Body.Rbrace) {
				continue
			}
			whole, err := m.apply(text)
			if err != nil {
				return nil, "", err
			}
			name := f.Name.Name + "__mutant" + strconv.Itoa(n)
			fmt.Fprintf(&cases, "case %d: %s; ", n, call(name))
			end := at(f.End()) + len(m.new) - len(m.old)
			fmt.Fprintf(&copies, "\n%s%s%s\n", text[at(f.Pos()):at(f.Name.Pos())], name, whole[at(f.Name.End()):end])
			functions[n] = *count
			left = slices.DeleteFunc(left, func(l int) bool { return l == n })
		}
		if cases.Len() == 0 {
			continue
		}
		edits = append(edits, named...)
		edits = append(edits, edit{at(f.Body.Lbrace) + 1, 0, fmt.Sprintf(" if mutantOn { switch mutantAt(%d) { %s} }; ", *count, cases.String())})
		*count++
	}
	if len(left) > 0 {
		return nil, "", fmt.Errorf("line %d is in no function", faults[left[0]].line)
	}
	return append(replace(text, edits), copies.Bytes()...), tree.Name.Name, nil
}

// forward says how a function calls its copies with what it was given itself. Its parameters need
// names for it, which the edits give them.
func forward(f *ast.FuncDecl, at func(token.Pos) int) (named []edit, call func(name string) string) {
	fresh := 0
	names := func(list *ast.FieldList) (all []string) {
		for _, field := range list.List {
			if len(field.Names) == 0 {
				name := fmt.Sprintf("mutantArgument%d", fresh)
				fresh++
				named = append(named, edit{at(field.Type.Pos()), 0, name + " "})
				all = append(all, name)
			}
			for _, ident := range field.Names {
				name := ident.Name
				if name == "_" {
					name = fmt.Sprintf("mutantArgument%d", fresh)
					fresh++
					named = append(named, edit{at(ident.Pos()), 1, name})
				}
				all = append(all, name)
			}
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				all[len(all)-1] += "..."
			}
		}
		return all
	}
	prefix := ""
	if f.Recv != nil {
		prefix = names(f.Recv)[0] + "."
	}
	types := ""
	if f.Type.TypeParams != nil {
		types = "[" + strings.Join(names(f.Type.TypeParams), ", ") + "]"
	}
	arguments := strings.Join(names(f.Type.Params), ", ")
	return named, func(name string) string {
		s := fmt.Sprintf("%s%s%s(%s)", prefix, name, types, arguments)
		if f.Type.Results != nil && len(f.Type.Results.List) > 0 {
			return "return " + s
		}
		return s + "; return"
	}
}

// replace applies edits that do not overlap.
func replace(text []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.offset - b.offset })
	var out []byte
	from := 0
	for _, e := range edits {
		out = append(append(out, text[from:e.offset]...), e.new...)
		from = e.offset + e.old
	}
	return append(out, text[from:]...)
}

// overlay writes the texts below folder, and the file that tells go build to read them in the place
// of those below root. It returns that file's name.
func overlay(root, folder string, texts map[string][]byte) (string, error) {
	var o struct{ Replace map[string]string }
	o.Replace = map[string]string{}
	for name, text := range texts {
		to := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return "", err
		}
		o.Replace[filepath.Join(root, filepath.FromSlash(name))] = to
	}
	list, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	name := filepath.Join(folder, "overlay.json")
	return name, os.WriteFile(name, list, 0o666)
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
