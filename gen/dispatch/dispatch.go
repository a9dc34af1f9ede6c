// Package dispatch generates the tables that the runtime chooses kernels from: kernels/table.go
// with every type, transform and rotation, and in kernels/cpu the list of instruction sets with the
// functions of each, one file per architecture.
package dispatch

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Generate makes the tables for a set from what the CPU targets reported, best instruction set
// first.
func Generate(set *spec.Set, isas []target.ISA) (map[string][]byte, error) {
	generic := slices.IndexFunc(isas, func(s target.ISA) bool { return s.Arch == "" })
	if generic < 0 {
		return nil, fmt.Errorf("no target is portable: one must be")
	}
	files := map[string]*jen.File{
		"kernels/table.go":                 table(set),
		target.CPUDir + "/isas-generic.go": portableFile(set, isas[generic]),
	}
	var archs []string
	for _, s := range isas {
		if s.Arch != "" && !slices.Contains(archs, s.Arch) {
			archs = append(archs, s.Arch)
		}
	}
	for _, a := range archs {
		own := slices.DeleteFunc(slices.Clone(isas), func(s target.ISA) bool { return s.Arch != a })
		files[target.CPUDir+"/isas-"+a+".go"] = archFile(a, own)
	}
	files[target.CPUDir+"/isas-none.go"] = noneFile(archs)

	out := map[string][]byte{}
	for path, f := range files {
		var text bytes.Buffer
		if err := f.Render(&text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out[path] = text.Bytes()
	}
	return out, nil
}
