package simd

import (
	"bytes"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/ir"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
	"github.com/kvgen/kvgen/kernels/abi"
)

// stubs is the Go file beside an assembly file: a declaration of each function, and
// for each kernel of the table a function that drives them.
type stubs struct {
	m    *Machine
	from string              // the file of the spec
	code map[*ISA][]jen.Code // for each instruction set, in the order of the file
}

func newStubs(m *Machine, from string) *stubs {
	return &stubs{m, from, map[*ISA][]jen.Code{}}
}

// add appends a declaration to those of an instruction set.
func (s *stubs) add(isa *ISA, code ...jen.Code) {
	s.code[isa] = append(append(s.code[isa], code...), jen.Line())
}

// render prints the file, the best instruction set first.
func (s *stubs) render() ([]byte, error) {
	f := jen.NewFilePathName(target.CPU, "cpu")
	f.HeaderComment(target.Header(s.from))
	f.HeaderComment("//go:build !noasm")
	for k := range s.m.ISAs {
		for _, code := range s.code[&s.m.ISAs[k]] {
			f.Add(code)
		}
	}
	var b bytes.Buffer
	err := f.Render(&b)
	return b.Bytes(), err
}

// declare writes the declaration of an assembly function.
func (s *stubs) declare(isa *ISA, fn *ir.Func, requires []string) {
	var code []jen.Code
	if len(requires) == 0 {
		requires = []string{"none"}
	}
	for _, d := range fn.Doc {
		if d == "" || d[0] == '\t' { // code, which gofmt wants directly after the slashes
			code = append(code, jen.Comment("//"+d))
			continue
		}
		code = append(code, jen.Comment(d))
	}
	code = append(code, jen.Comment("//"), jen.Comment("Requires: "+strings.Join(requires, ", ")), jen.Comment("//"), jen.Comment("//go:noescape"))
	var params []jen.Code
	for _, p := range fn.Params {
		params = append(params, jen.Id(p.Name).Id(p.Go))
	}
	s.add(isa, append(code, jen.Func().Id(fn.Name).Params(params...))...)
}

// decode drives the decoder over whole units and leaves the rest to portable Go.
func (s *stubs) decode(t *spec.Type, fn *kernel, isa *ISA, unit int) string {
	id := target.Ident(t.Name)
	name := "decode" + id + isa.Suffix
	params, _ := target.Params("Decode", false)
	s.add(isa, jen.Func().Id(name).Params(params...).Block(
		jen.Id("driveDecode").Call(jen.Id(fn.Name), jen.Lit(unit), jen.Lit(unit/t.Block*t.Bytes), jen.Id("decode"+id+"Generic"), jen.Id("dst"), jen.Id("src"))))
	return name
}

// variable declares a variable that lists functions, nil where there is none.
func (s *stubs) variable(isa *ISA, name, kind string, tiles []*kernel) {
	s.add(isa, jen.Var().Id(name).Op("=").Id(kind).Values(entries(tiles)...))
}

func entries(tiles []*kernel) []jen.Code {
	var list []jen.Code
	for _, fn := range tiles {
		if fn == nil {
			list = append(list, jen.Nil())
			continue
		}
		list = append(list, jen.Id(fn.Name))
	}
	return list
}

// matmul takes the tiles for few rows of x, and for many the decoder and the kernels on
// decoded rows.
func (s *stubs) matmul(t *spec.Type, tiles []*kernel, gemm string, decode *kernel, isa *ISA, unit int) string {
	values := jen.Dict{jen.Id("tiles"): jen.Index(jen.Lit(len(tiles))).Id("matmulKernel").Values(entries(tiles)...)}
	if decode != nil && gemm != "" {
		values[jen.Id("gemm")] = jen.Op("&").Id(gemm)
		values[jen.Id("decode")] = jen.Id("decode" + target.Ident(t.Name) + decode.isa.Suffix)
	}
	return s.driver("matmul", "Matmul", t, isa, s.literal("matmulTiles", t, isa, values), unit)
}

// matmulQ8 takes the tiles for few rows of activations, those for rows in fours, and
// for many the kernels that unpack rows and multiply them with panels; the last two may
// be missing.
func (s *stubs) matmulQ8(t *spec.Type, tiles []*kernel, rows fours, g gemm, isa *ISA) string {
	values := jen.Dict{jen.Id("tiles"): jen.Index(jen.Id("actRows")).Id("matmulQ8Kernel").Values(entries(tiles)...)}
	if rows.tiles != nil {
		values[jen.Id("fours")] = jen.Index(jen.Id("actRows")).Id("matmulQ8Kernel").Values(entries(rows.tiles)...)
		if rows.oneBlock {
			values[jen.Id("oneBlock")] = jen.True()
		}
	}
	if g.unpack != nil {
		values[jen.Id("unpack")] = jen.Id(g.unpack.Name)
		values[jen.Id("gemm")] = jen.Id(g.kernel.Name)
		values[jen.Id("record")] = jen.Lit(g.record)
	}
	return s.driver("matmulQ8", "MatmulQ8", t, isa, s.literal("matmulQ8Tiles", t, isa, values), t.Block)
}

// literal declares a variable of the given kind and returns its name.
func (s *stubs) literal(kind string, t *spec.Type, isa *ISA, values jen.Dict) string {
	name := kind + target.Ident(t.Name) + isa.Suffix
	s.add(isa, jen.Var().Id(name).Op("=").Id(kind).Values(values))
	return name
}

// mixLevels takes the unpacker of the type and the kernels that add rows of bytes.
func (s *stubs) mixLevels(t *spec.Type, stem string, levels *kernel, tiles string, isa *ISA) string {
	values := jen.Dict{
		jen.Id("levels"): jen.Id(levels.Name), jen.Id("tiles"): jen.Op("&").Id(tiles),
		jen.Id("scaleMul"): jen.Id("vecScaleMul" + s.m.base().Suffix),
	}
	table := stem + "Parts" + target.Ident(t.Name) + isa.Suffix
	s.add(isa, jen.Var().Id(table).Op("=").Id("mixLevels").Values(values))
	return s.driver(stem, "Mix", t, isa, table, t.Block)
}

// mixPairs takes the unpacker of the type and the kernels that add pairs of rows of bytes.
// place, which adds what they give in another order, may be missing.
func (s *stubs) mixPairs(t *spec.Type, stem string, pairs, place *kernel, parts string, isa *ISA) string {
	table := stem + "Parts" + target.Ident(t.Name) + isa.Suffix
	values := jen.Dict{jen.Id("pairs"): jen.Id(pairs.Name), jen.Id("parts"): jen.Op("&").Id(parts)}
	if place != nil {
		values[jen.Id("place")] = jen.Id(place.Name)
	}
	s.add(isa, jen.Var().Id(table).Op("=").Id("mixPairs").Values(values))
	return s.driver(stem, "Mix", t, isa, table, t.Block)
}

// mixPairsParts declares the kernels of mixPairs that all types share.
func (s *stubs) mixPairsParts(isa *ISA, table string, weights *kernel, tiles []*kernel) {
	s.add(isa, jen.Comment("The driver and the kernels agree on the rows that share a scale."),
		jen.Var().Id("_").Index(jen.Lit(abi.MixRows)).Struct().Op("=").Index(jen.Id("mixRows")).Struct().Values())
	s.add(isa, jen.Var().Id(table).Op("=").Id("mixPairsParts").Values(jen.Dict{
		jen.Id("weights"): jen.Id(weights.Name),
		jen.Id("tiles"):   jen.Index(jen.Lit(len(tiles))).Id("mixPairsKernel").Values(entries(tiles)...),
	}))
}

func (s *stubs) mix(t *spec.Type, stem string, tiles []*kernel, isa *ISA, unit int) string {
	table := stem + "Tiles" + target.Ident(t.Name) + isa.Suffix
	s.variable(isa, table, "mixTiles", tiles)
	return s.driver(stem, "Mix", t, isa, table, unit)
}

// driver writes a function of the table: stem+type+ISA, which calls the hand-written
// loop <stem>Tiles.drive with the portable form of a kind for what the tiles cannot do.
// Both have the signature of the kind.
func (s *stubs) driver(stem, kind string, t *spec.Type, isa *ISA, table string, unit int) string {
	id := target.Ident(t.Name)
	name := stem + id + isa.Suffix
	args := []jen.Code{jen.Lit(unit), jen.Lit(unit / t.Block * t.Bytes), jen.Id(strings.ToLower(kind[:1]) + kind[1:] + id + "Generic")}
	decl, params := target.Params(kind, false)
	for _, p := range params {
		args = append(args, jen.Id(p))
	}
	s.add(isa, jen.Func().Id(name).Params(decl...).Block(jen.Id(table).Dot("drive").Call(args...)))
	return name
}
