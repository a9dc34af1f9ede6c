package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/gen/spec"
	target "github.com/kvgen/kvgen/gen/target/cuda"
	"github.com/kvgen/kvgen/kernels"
	shipped "github.com/kvgen/kvgen/kernels/spec"
	"github.com/kvgen/kvgen/runtime/cuda"
)

// specFlags name the files of types that are given as text. Nothing is generated for them: on the processor they are interpreted, for
// a GPU they are compiled as the types of the table are.
type specFlags struct{ files []string }

func (f *specFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.files, "spec", nil, "`file` (.hcl), or a folder of them, of more types and rotations, used like those of the table but interpreted: slower, and in the fast form rounded otherwise than kernels of the same text (kvgen build) do; may be given again")
}

// extend makes the types of the files part of the table until it is called again.
func (f *specFlags) extend(e *environment) error {
	e.structs = nil
	set := &spec.Set{}
	if len(f.files) > 0 {
		var err error
		for _, name := range f.files {
			if err := e.files.Input("--spec", name); err != nil {
				return err
			}
		}
		if set, err = during(e.ctx, f.read); err != nil {
			return fmt.Errorf("--spec:\n%w", err)
		}
		e.structs = structs(set)
	}
	if err := kernels.Extend(extension(set)); err != nil {
		return fmt.Errorf("--spec: %w", err)
	}
	return nil
}

// specPaths are files as they are, and of folders the *.hcl files in them.
func specPaths(given []string) (paths []string, err error) {
	for _, name := range given {
		info, err := os.Stat(name)
		if err != nil || !info.IsDir() {
			paths = append(paths, name) // reading says what is wrong with it
			continue
		}
		inside, err := filepath.Glob(filepath.Join(name, "*.hcl"))
		if err != nil || len(inside) == 0 {
			return nil, fmt.Errorf("no *.hcl file in %s", name)
		}
		paths = append(paths, inside...)
	}
	return paths, nil
}

// read parses the files on top of the project's own.
func (f *specFlags) read() (*spec.Set, error) {
	files, err := ownSpecs()
	if err != nil {
		return nil, err
	}
	base, err := spec.Parse(files)
	if err != nil {
		return nil, err
	}
	files = map[string][]byte{}
	names, err := specPaths(f.files)
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
	set, err := spec.Extend(base, files)
	if err != nil {
		return nil, err
	}
	if len(set.Types)+len(set.Rotations) == 0 {
		return nil, fmt.Errorf("no type and no rotation is declared in %s", strings.Join(f.files, " "))
	}
	for _, r := range set.Rotations {
		if slices.Contains([]string{"on", "off", "none"}, strings.ToLower(r.Name)) {
			return nil, fmt.Errorf("%s:%d: --rot-k %s means something else: a rotation needs another name", r.Range.Filename, r.Range.Start.Line, r.Name)
		}
	}
	return set, nil
}

// ownSpecs are the texts that the table was generated from, by their places in the project.
func ownSpecs() (map[string][]byte, error) {
	names, err := fs.Glob(shipped.Files, "*")
	files := map[string][]byte{}
	for _, name := range names {
		if files["kernels/spec/"+name], err = fs.ReadFile(shipped.Files, name); err != nil {
			return nil, err
		}
	}
	return files, err
}

// structs is what a GPU has to know of the set, by the names under which cuda.Text finds it.
func structs(set *spec.Set) map[string]string {
	texts := map[string]string{}
	for _, t := range set.Transforms {
		texts["transform-"+t.Name+".cuh"] = string(target.TransformText(t))
	}
	for _, t := range set.Types {
		texts["type-"+t.Name+".cuh"] = string(target.TypeText(t))
	}
	return texts
}

// texts is the cuda.Text of the table with what --spec added to it.
func (e *environment) texts(name string) (string, bool) {
	if text, ok := e.structs[name]; ok {
		return text, true
	}
	return cuda.Generated(name)
}
