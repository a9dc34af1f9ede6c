package main

import (
	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// arches are the machines that kernels are generated for.
func arches() (list []*asm.Rules) {
	for _, t := range gen.Targets() {
		if t, ok := t.(simd.Target); ok {
			list = append(list, t.Machine.Rules)
		}
	}
	return list
}
