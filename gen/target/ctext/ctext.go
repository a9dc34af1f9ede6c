// Package ctext generates what a kernel has to know of a type in languages of C's family: one
// struct per type and per transform, and a language is a Dialect, data. The frames of the kernels,
// loops over the cache, loads and reductions, are in package templates and name no type. A kernel
// is a frame instantiated with the structs of its types, so combinations need no code of their own.
//
// A struct says what its block means (code, scale, least, value: plain loops' worth of C, used
// where rows are packed or checked) and how codes become levels in registers (Levels: the part
// that every cached value passes through). Levels are whole numbers, so that sums of products are
// exact: int8, or 15 bits in two bytes for a table of floats.
package ctext

import (
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// Name is the dialect's.
func (t Target) Name() string { return t.Dialect.Name }

// Language is the dialect's.
func (t Target) Language() string { return t.Dialect.Language }

// Generate makes one file per type and transform, and one of the arguments of kernels. A GPU has no
// list of instruction sets.
func (t Target) Generate(set *spec.Set) (*target.Output, error) {
	args, err := t.Args()
	if err != nil {
		return nil, err
	}
	texts := t.Structs(set)
	texts["args"+t.Dialect.Suffix] = args
	out := &target.Output{Files: map[string][]byte{}}
	for name, text := range texts {
		out.Files["kernels/"+t.Dialect.Folder+"/"+name] = text
	}
	return out, nil
}

// Structs are the texts of a set by the names of their files: type-NAME, transform-NAME.
func (t Target) Structs(set *spec.Set) map[string][]byte {
	texts := map[string][]byte{}
	for _, x := range set.Transforms {
		texts["transform-"+x.Name+t.Dialect.Suffix] = t.Transform(x)
	}
	for _, x := range set.Types {
		texts["type-"+x.Name+t.Dialect.Suffix] = t.Type(x)
	}
	return texts
}
