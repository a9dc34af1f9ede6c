// Package gen is the compiler: checked specs in, source files out. Run is the whole of it;
// generate, check and the tests are its callers.
package gen

import (
	"fmt"

	"github.com/kvgen/kvgen/gen/dispatch"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/gen/target/amd64"
	"github.com/kvgen/kvgen/gen/target/arm64"
	"github.com/kvgen/kvgen/gen/target/gpus"
	"github.com/kvgen/kvgen/gen/target/portable"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// Targets are the back ends, the preferred instruction sets first. A new processor is a folder
// under target and a line here, a new GPU a folder there and a line in gpus.All.
func Targets() []target.Target {
	all := []target.Target{
		simd.Target{Machine: amd64.Machine},
		simd.Target{Machine: arm64.Machine},
		portable.Target{},
	}
	for _, gpu := range gpus.All() {
		all = append(all, gpu)
	}
	return all
}

// Run compiles a set for the given targets and writes the table that chooses between them. It is
// pure: the result depends on its arguments alone.
func Run(set *spec.Set, targets ...target.Target) (Files, error) {
	if err := checkFiles(set); err != nil {
		return nil, err
	}
	files := Files{}
	var isas []target.ISA
	for _, t := range targets {
		out, err := t.Generate(set)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name(), err)
		}
		if err := files.add(out.Files); err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name(), err)
		}
		isas = append(isas, out.ISAs...)
	}
	if err := checkIdentifiers(set, files); err != nil {
		return nil, err
	}
	table, err := dispatch.Generate(set, isas)
	if err != nil {
		return nil, fmt.Errorf("dispatch: %w", err)
	}
	if err := files.add(table); err != nil {
		return nil, fmt.Errorf("dispatch: %w", err)
	}
	list, err := drivers(targets)
	if err != nil {
		return nil, fmt.Errorf("drivers: %w", err)
	}
	if err := files.add(list); err != nil {
		return nil, fmt.Errorf("drivers: %w", err)
	}
	return files, nil
}
