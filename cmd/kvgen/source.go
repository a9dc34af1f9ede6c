package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/internal/suggest"
	shipped "github.com/kvgen/kvgen/kernels/spec"
)

// defaultSpec is where the texts are in a checkout.
const defaultSpec = "kernels/spec"

// A library is the declarations that a subcommand reads, with their texts.
type library struct {
	set   *spec.Set
	files map[string][]byte // the text of each spec file by the name that its declarations give
	from  string            // where they are from, for messages
}

// library reads what --spec names: a folder, or one file that comes on top of the types of this
// program. Without --spec it is kernels/spec, and where that is no folder the texts that this
// program was built with.
func (f *folders) library() (*library, error) {
	name := f.spec
	if name == "" {
		if info, err := os.Stat(defaultSpec); err != nil || !info.IsDir() {
			return embedded()
		}
		name = defaultSpec
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		base, err := embedded()
		if err != nil {
			return nil, err
		}
		return base.with(name)
	}
	return read(os.DirFS(name), name)
}

func embedded() (*library, error) { return read(shipped.Files, "the specs inside kvgen") }

// read parses the spec files of a folder.
func read(folder fs.FS, from string) (*library, error) {
	files, err := spec.ReadFolder(folder)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.hcl file in %s", from)
	}
	l := &library{files: files, from: from}
	l.set, err = spec.Parse(l.files)
	return l, mistakes(err)
}

// with is what spec files declare on top of l, whose transforms they may use. A file of the name of
// one of l's stands in its place.
func (l *library) with(paths ...string) (*library, error) {
	own, err := specFiles(paths)
	if err != nil {
		return nil, err
	}
	replaced := func(file string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(own)), func(p string) bool { return filepath.Base(p) == file })
	}
	base := &spec.Set{}
	for _, t := range l.set.Types {
		if !replaced(t.File) {
			base.Types = append(base.Types, t)
		}
	}
	for _, t := range l.set.Transforms {
		if !replaced(t.File) {
			base.Transforms = append(base.Transforms, t)
		}
	}
	for _, r := range l.set.Rotations {
		if !replaced(r.File) {
			base.Rotations = append(base.Rotations, r)
		}
	}
	set, err := spec.Extend(base, own)
	return &library{set, own, strings.Join(paths, " ")}, mistakes(err)
}

// mistakes makes a finding of mistakes in spec files.
func mistakes(err error) error {
	var found *spec.Errors
	if errors.As(err, &found) {
		return finding(found.Error())
	}
	return err
}

// choose takes the arguments of a subcommand about types: names of types, and spec files or folders
// of them, all of whose types are meant. No argument is every type.
func (f *folders) choose(args []string) (*library, error) {
	l, err := f.library()
	if err != nil || len(args) == 0 {
		return l, err
	}
	var names, paths []string
	for _, arg := range args {
		if info, err := os.Stat(arg); filepath.Ext(arg) == ".hcl" || strings.ContainsRune(arg, filepath.Separator) || err == nil && info.IsDir() {
			paths = append(paths, arg)
		} else {
			names = append(names, arg)
		}
	}
	chosen := &library{set: &spec.Set{Transforms: l.set.Transforms}, files: maps.Clone(l.files), from: l.from}
	for _, name := range names {
		at := slices.IndexFunc(l.set.Types, func(t *spec.Type) bool { return strings.EqualFold(t.Name, name) })
		if at < 0 {
			return nil, l.unknown(name)
		}
		chosen.set.Types = append(chosen.set.Types, l.set.Types[at])
	}
	if len(paths) > 0 {
		own, err := l.with(paths...)
		if err != nil {
			return nil, err
		}
		chosen.set.Types = append(chosen.set.Types, own.set.Types...)
		maps.Copy(chosen.files, own.files)
	}
	return chosen, nil
}

// unknown says that there is no type of a name, and which there are.
func (l *library) unknown(name string) error {
	var names []string
	for _, t := range l.set.Types {
		names = append(names, t.Name)
	}
	return finding(fmt.Sprintf("no type %q in %s%s; there are %s", name, l.from, suggest.Nearest(name, names), strings.Join(names, " ")))
}
