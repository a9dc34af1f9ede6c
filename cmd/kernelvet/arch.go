package main

import (
	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/asm"
	"github.com/kvgen/kvgen/gen/target/arm64"
	"github.com/kvgen/kvgen/gen/target/simd"
)

// arches are the machines that have rules: those that kernels are generated for, and arm64.
func arches() []*asm.Rules {
	list := []*asm.Rules{arm64.Rules}
	for _, t := range gen.Targets() {
		if t, ok := t.(simd.Target); ok {
			list = append(list, t.Machine.Rules)
		}
	}
	return list
}
