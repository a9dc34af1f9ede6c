package portable

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/kvgen/kvgen/gen/spec"
)

// scope is one function being written: the body of encode or decode of one block.
type scope struct {
	typ    *spec.Type
	tables *tables
	body   []jen.Code
	taken  map[string]bool
	vars   map[string]variable // by the name in the spec
}

// variable is how a name of the spec reads in Go.
type variable struct {
	name  string
	array bool // one element per value: name[i]
	group int  // of an array with one element per run of group values: name[i/group]; else 1
}

// reserved are the identifiers that generated bodies use themselves, so that no local of a spec may
// hide them.
var reserved = []string{
	"b", "i", "g", "y", "x",
	"bits", "orBits", "gather", "scatter", "signed", "abs", "sqrt", "inv", "floor", "trunc", "rint", "round", "lesser",
	"greater", "farther", "absInt", "clamp", "choose", "nearest", "quotient", "remainder", "wht", "math", "negZero",
	"int", "int8", "int32", "float32", "byte", "bool", "true", "false", "range", "len",
	"f16", "bf16", "e8m0", "fromF16", "fromBF16", "fromE8M0",
	"loadF16", "loadBF16", "loadF32", "loadE8M0", "storeF16", "storeBF16", "storeF32", "storeE8M0",
}

func newScope(t *spec.Type, tables *tables) *scope {
	s := &scope{typ: t, tables: tables, taken: map[string]bool{}, vars: map[string]variable{}}
	for _, r := range reserved {
		s.taken[r] = true
	}
	return s
}

// fresh returns a Go name like name that nothing else in the function has, nor, since tables end
// with the name of the type, a table.
func (s *scope) fresh(name string) string {
	try := name
	for k := 2; s.taken[try] || jen.IsReservedWord(try) || strings.HasSuffix(try, s.tables.id); k++ {
		try = name + strconv.Itoa(k)
	}
	s.taken[try] = true
	return try
}

// declare gives the spec's name a variable.
func (s *scope) declare(name string, shape spec.Shape) variable {
	v := variable{name: s.fresh(name), array: shape == spec.Vector || shape == spec.Index, group: 1}
	s.vars[name] = v
	return v
}

// emit appends statements.
func (s *scope) emit(code ...jen.Code) { s.body = append(s.body, code...) }

// at is v for value i.
func (v variable) at(i string) jen.Code {
	switch {
	case !v.array:
		return jen.Id(v.name)
	case v.group > 1:
		return jen.Id(v.name).Index(jen.Id(i).Op("/").Lit(v.group))
	}
	return jen.Id(v.name).Index(jen.Id(i))
}

// overBlock is a loop over the values of the block.
func (s *scope) overBlock(body ...jen.Code) jen.Code {
	return jen.For(jen.Id("i").Op(":=").Range().Lit(s.typ.Block)).Block(body...)
}

// goKind is the Go type of a kind.
func goKind(k spec.Kind) *jen.Statement {
	return jen.Id([...]string{spec.Float: "float32", spec.Int: "int32", spec.Bool: "bool"}[k])
}

// tables are the package-level declarations that one type's functions need.
type tables struct {
	id    string // the type in identifiers
	code  []jen.Code
	names map[string]string // by what they hold
}

// table declares a variable, or finds one with the same content, and returns its name. The name is
// base, a number where the base is taken, and the type.
func (t *tables) table(base, content string, declare func(name string) jen.Code) string {
	if name, ok := t.names[content]; ok {
		return name
	}
	if t.names == nil {
		t.names = map[string]string{}
	}
	name := base + t.id
	for k, taken := 2, slices.Collect(maps.Values(t.names)); slices.Contains(taken, name); k++ {
		name = base + strconv.Itoa(k) + t.id
	}
	t.names[content] = name
	t.code = append(t.code, declare(name), jen.Line())
	return name
}
