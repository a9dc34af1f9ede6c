package gen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Clash is a mistake of a spec: two names that are one in what is generated from them.
type Clash struct {
	First, Second declaration
	What          string // that both would be: "the function matmulQ8XGeneric"
}

// A declaration is a type or a transform of the spec.
type declaration struct {
	kind, name, file string
	place            hcl.Range
}

func (c *Clash) Error() string {
	r := c.Second.place
	return fmt.Sprintf("%s:%d:%d: the %s %q and the %s %q (%s:%d) would both be %s; rename one of them [name-clash]",
		r.Filename, r.Start.Line, r.Start.Column, c.Second.kind, c.Second.name,
		c.First.kind, c.First.name, c.First.place.Filename, c.First.place.Start.Line, c.What)
}

// declarations lists types and transforms with the path that their files begin with.
func declarations(set *spec.Set) []declaration {
	var all []declaration
	for _, t := range set.Transforms {
		all = append(all, declaration{"transform", t.Name, target.TransformFile(t.Name), t.Range})
	}
	for _, t := range set.Types {
		all = append(all, declaration{"type", t.Name, target.TypeFile(t.Name), t.Range})
	}
	return all
}

// handwritten are the identifiers of package kernels/cpu that what is generated could be given too.
var handwritten = []string{"TransformImpl"}

// checkFiles refuses two declarations whose files would be the same, on a disk that does not tell
// cases apart either.
func checkFiles(set *spec.Set) error {
	owners := map[string]declaration{}
	for _, d := range declarations(set) {
		low := strings.ToLower(d.file)
		if first, taken := owners[low]; taken {
			return &Clash{first, d, "in " + d.file + "_*.go"}
		}
		owners[low] = d
		for _, name := range handwritten {
			if id := map[string]string{"type": "Type", "transform": "Transform"}[d.kind] + target.Ident(d.name); id == name {
				return &Clash{declaration{kind: "project's own", name: name}, d, id}
			}
		}
	}
	return nil
}

// checkIdentifiers refuses two declarations for which the same identifier was generated.
func checkIdentifiers(set *spec.Set, files Files) error {
	all := declarations(set)
	owner := func(file string) (declaration, bool) {
		i := slices.IndexFunc(all, func(d declaration) bool {
			rest, ok := strings.CutPrefix(file, d.file+"_")
			return ok && strings.IndexByte(rest, '_') < 0
		})
		if i < 0 {
			return declaration{}, false
		}
		return all[i], true
	}
	declared := map[string]declaration{}
	for _, p := range files.Paths() {
		d, owned := owner(p)
		if path.Ext(p) != ".go" || !owned {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), p, files[p], parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		for what, names := range identifiers(tree) {
			for _, name := range names {
				if first, taken := declared[name]; taken && first != d {
					if slices.Index(all, d) < slices.Index(all, first) {
						first, d = d, first
					}
					return &Clash{first, d, what + " " + name}
				}
				declared[name] = d
			}
		}
	}
	return nil
}

// identifiers lists what a file declares for its package.
func identifiers(tree *ast.File) map[string][]string {
	found := map[string][]string{}
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				found["the function"] = append(found["the function"], d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						found["the variable or constant"] = append(found["the variable or constant"], name.Name)
					}
				}
			}
		}
	}
	return found
}
