// Package live adds types to a running program that are given as text.
//
// Nothing is generated for them. On the processor package interp runs them straight from their
// text, which is slow: microseconds to milliseconds a block. For a GPU they are compiled as the
// types of the table are, from what Set.Text says.
//
//	set, err := live.Load("mine.hcl")
//	table, err := set.Extend(kernels.Default())
//	m, err := model.Open(path, table) // its cache may be of the types of mine.hcl
//
// Package spec documents the language. A text stands on top of the project's own: it may use their
// transforms and codebooks, and may not take a name or number that one of them has.
package live

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/gpus"
	shipped "github.com/kvgen/kvgen/kernels/spec"
)

// Set is what some spec files declare, checked.
type Set struct {
	Spec *spec.Set

	texts map[string]map[string]string // for GPUs by their names, by file name
}

// Load reads files (.hcl), and of a folder the *.hcl files in it. An error shows every mistake with
// its place and the line of the text.
func Load(paths ...string) (*Set, error) {
	files := map[string][]byte{}
	names, err := expand(paths)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		name = filepath.ToSlash(filepath.Clean(name))
		if _, twice := files[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		if files[name], err = spec.ReadFile(name); err != nil {
			return nil, err
		}
	}
	s, err := Parse(files)
	if err == nil && len(s.Spec.Types)+len(s.Spec.Rotations) == 0 {
		return nil, fmt.Errorf("no type and no rotation is declared in %s", strings.Join(paths, " "))
	}
	return s, err
}

// expand is paths with the files of each folder in its place.
func expand(paths []string) (files []string, err error) {
	for _, name := range paths {
		info, err := os.Stat(name)
		if err != nil || !info.IsDir() {
			files = append(files, name) // reading says what is wrong with it
			continue
		}
		inside, err := filepath.Glob(filepath.Join(name, "*.hcl"))
		if err != nil || len(inside) == 0 {
			return nil, fmt.Errorf("no *.hcl file in %s", name)
		}
		files = append(files, inside...)
	}
	return files, nil
}

// Parse reads spec texts by the names that messages call them by.
func Parse(files map[string][]byte) (*Set, error) {
	own, err := shippedTexts()
	if err != nil {
		return nil, err
	}
	base, err := spec.Parse(own)
	if err != nil {
		return nil, err
	}
	set, err := spec.Extend(base, files)
	if err != nil {
		return nil, err
	}
	for _, r := range set.Rotations {
		if slices.Contains([]string{"on", "off", "none"}, strings.ToLower(r.Name)) {
			return nil, fmt.Errorf("%s:%d: --rot-k %s means something else: a rotation needs another name", r.Range.Filename, r.Range.Start.Line, r.Name)
		}
	}
	return &Set{Spec: set, texts: texts(set)}, nil
}

// shippedTexts are the texts that the table was generated from, by their places in the project.
func shippedTexts() (map[string][]byte, error) {
	names, err := fs.Glob(shipped.Files, "*")
	files := map[string][]byte{}
	for _, name := range names {
		if files["kernels/spec/"+name], err = fs.ReadFile(shipped.Files, name); err != nil {
			return nil, err
		}
	}
	return files, err
}

// texts is what GPUs have to know of the set, by the names under which Text finds it.
func texts(set *spec.Set) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, gpu := range gpus.All() {
		texts := map[string]string{}
		for name, text := range gpu.Structs(set) {
			texts[name] = string(text)
		}
		all[gpu.Name()] = texts
	}
	return all
}

// Text is what a program for a GPU, such as gpu.Driver names it, includes under the name of a file,
// such as type-NAME with the ending of its language. ok is false for what the set does not declare.
// A nil *Set declares nothing.
func (s *Set) Text(gpu, file string) (text string, ok bool) {
	if s == nil {
		return "", false
	}
	text, ok = s.texts[gpu][file]
	return text, ok
}
