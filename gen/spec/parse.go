package spec

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Load parses every *.hcl file at the root of fsys.
func Load(fsys fs.FS) (*Set, error) {
	files, err := ReadFolder(fsys)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.hcl file in the spec folder")
	}
	return Parse(files)
}

// Parse reads spec files, name to text. A nil error means that every rule of
// check.go holds; otherwise the error is an *Errors with all mistakes.
func Parse(files map[string][]byte) (*Set, error) { return Extend(&Set{}, files) }

// Extend is Parse for files that come on top of base: they may use its transforms and may not
// declare what it declares. The set has what the files add; base is left as it is.
func Extend(base *Set, files map[string][]byte) (*Set, error) {
	p := newParser(base, files)
	var decls []decl
	for _, name := range slices.Sorted(maps.Keys(files)) {
		decls = append(decls, p.blocks(name, files[name])...)
	}
	// Transforms first: types and rotations of any file may name them.
	for _, d := range decls {
		if d.kind == "transform" {
			p.transform(d)
		}
	}
	for _, d := range decls {
		switch d.kind {
		case "rotation":
			p.rotation(d)
		case "type":
			p.typ(d, d.name, nil)
		case "family":
			p.family(d)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Set{p.set.Types[len(base.Types):], p.set.Transforms[len(base.Transforms):], p.set.Rotations[len(base.Rotations):]}, nil
}

// parser holds what is shared by all declarations.
type parser struct {
	report
	set        Set
	transforms map[string]*Transform
	books      map[string]*Codebook // computed ones, by their formula
	typeNames  map[string]hcl.Range // lower case: names may not differ by case alone
	ids        map[int]*Type        // of types that have one
	steps      int                  // index evaluations left
}

// newParser makes a parser that knows what base declares.
func newParser(base *Set, files map[string][]byte) *parser {
	p := &parser{
		report:     report{seen: map[string]bool{}, src: files},
		set:        Set{slices.Clone(base.Types), slices.Clone(base.Transforms), slices.Clone(base.Rotations)},
		transforms: map[string]*Transform{},
		books:      map[string]*Codebook{},
		typeNames:  map[string]hcl.Range{},
		ids:        map[int]*Type{},
		steps:      maxSteps,
	}
	for _, t := range base.Transforms {
		p.transforms[t.Name] = t
	}
	for _, t := range base.Types {
		p.typeNames[strings.ToLower(t.Name)] = t.Range
		p.takeID(t)
	}
	return p
}

// decl is one top-level block.
type decl struct {
	kind, name string
	file       string
	body       *hclsyntax.Body
	rng        hcl.Range
}

// blocks returns the declarations of one file.
func (p *parser) blocks(file string, src []byte) []decl {
	start := hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(src) > maxFile {
		p.fail(ruleFileSize, start, len(src), maxFile)
		return nil
	}
	if at, deep := nesting(src); deep {
		p.fail(ruleNesting, position(file, src, at), maxNesting)
		return nil
	}
	parsed, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	p.syntax(diags)
	if diags.HasErrors() {
		return nil
	}
	body := parsed.Body.(*hclsyntax.Body)
	for _, a := range attributes(body) {
		p.fail(ruleTopLevel, a.NameRange, a.Name)
	}
	var decls []decl
	for _, b := range body.Blocks {
		switch b.Type {
		case "transform", "rotation", "type", "family":
		default:
			p.fail(ruleTopLevel, b.TypeRange, b.Type)
			continue
		}
		if len(b.Labels) != 1 {
			p.fail(ruleLabel, b.TypeRange, b.Type, b.Type, len(b.Labels))
			continue
		}
		d := decl{b.Type, b.Labels[0], path.Base(file), b.Body, b.LabelRanges[0]}
		if d.kind != "family" || isName(d.name) {
			decls = append(decls, d)
		} else {
			p.fail(ruleName, d.rng, d.name)
		}
	}
	return decls
}

// attributes returns the attributes of body in the order of the text: HCL keeps them in a map.
func attributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	attrs := slices.Collect(maps.Values(body.Attributes))
	slices.SortFunc(attrs, func(a, b *hclsyntax.Attribute) int { return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte })
	return attrs
}
