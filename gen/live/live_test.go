package live_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/drivers"
)

// unseen are the texts of testdata/unseen, with other names where the table has theirs.
func unseen(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../../testdata/unseen/*.hcl")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, taken := range []string{"q4_0", "turbo3", "attn"} {
			text = regexp.MustCompile(`(type|rotation) "`+taken+`"`).ReplaceAll(text, []byte(`$1 "`+taken+`_"`))
		}
		files[filepath.Base(name)] = regexp.MustCompile(`(?m)^ *id .*\n`).ReplaceAll(text, nil)
	}
	return files
}

// TestRows looks up every layout that the compiler has not seen and compares its row with the
// interpreter. The text of each for a GPU is there.
func TestRows(t *testing.T) {
	set, err := live.Parse(unseen(t))
	if err != nil {
		t.Fatal(err)
	}
	table, err := set.Extend(kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Spec.Types) < 40 {
		t.Fatalf("%d types", len(set.Spec.Types))
	}
	for _, typ := range set.Spec.Types {
		got := table.ByName(typ.Name)
		if got == nil || got.Identity != typ.Identity || got.KV != typ.KV || got.Weight != typ.Weight || (got.Domain == nil) != (typ.Domain == nil) {
			t.Fatalf("%s became %+v", typ.Name, got)
		}
		if typ.Encode != nil {
			checkRow(t, typ, got)
		}
	}
	for _, d := range drivers.All() {
		header := d.Dialect(nil).Header
		for _, typ := range set.Spec.Types {
			if text, ok := set.Text(d.Name, "type-"+typ.Name+header); !ok || !strings.Contains(text, "struct ") {
				t.Errorf("%s has no struct for %s: %q", typ.Name, d.Name, text)
			}
		}
		if _, ok := set.Text(d.Name, "type-f16"+header); ok {
			t.Error("the set claims a type of the table")
		}
		if _, ok := (*live.Set)(nil).Text(d.Name, "type-f16"+header); ok {
			t.Error("no set claims a type")
		}
	}
	if kernels.Default().ByName(set.Spec.Types[0].Name) != nil {
		t.Error("the default table was changed")
	}
}

// TestTwice: a set is not added to a table that has it, and two models in one process may use
// tables with different types of one name.
func TestTwice(t *testing.T) {
	set, err := live.Parse(unseen(t))
	if err != nil {
		t.Fatal(err)
	}
	files := unseen(t)
	for name := range maps.Keys(files) {
		files[name] = regexp.MustCompile(`(?m)^( *summary *= *")`).ReplaceAll(files[name], []byte("${1}other "))
	}
	other, err := live.Parse(files)
	if err != nil {
		t.Fatal(err)
	}
	a, err := set.Extend(kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.Extend(kernels.Default())
	if err != nil {
		t.Fatal(err)
	}
	name := set.Spec.Types[0].Name
	if a.ByName(name) == b.ByName(name) || a.ByName(name).Summary == b.ByName(name).Summary {
		t.Errorf("%s is one row in two tables", name)
	}
	if _, err := other.Extend(a); err == nil || !strings.Contains(err.Error(), "there is ") {
		t.Errorf("a set is added twice: %v", err)
	}
}

// TestLoad: what is given as files says what is wrong with them.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, off := write("empty.hcl", ""), write("off.hcl", "rotation \"off\" {\n tile = 64\n}\n")
	for says, paths := range map[string][]string{
		"no type and no rotation":   {empty},
		"given twice":               {empty, empty},
		"no *.hcl file in":          {t.TempDir()},
		"off.hcl:1: --rot-k off":    {dir},
		"nowhere.hcl":               {"nowhere.hcl"},
		"a rotation needs another ": {off},
	} {
		if _, err := live.Load(paths...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %s", paths, err, says)
		}
	}
}

// checkRow compares a row of the table with the interpreter: packed bytes, values and one product
// of two rows.
func checkRow(t *testing.T, typ *spec.Type, got *kernels.Type) {
	t.Helper()
	n := 2 * typ.Block
	x := make([]float32, 2*n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	stride := got.RowBytes(n)
	packed, want := make([]byte, 2*stride), make([]byte, 2*stride)
	impl := got.Best()
	impl.Encode(packed, x)
	interp.Encode(typ, want, x)
	if !slices.Equal(packed, want) {
		t.Errorf("%s: packed otherwise", typ.Name)
	}
	rows, decoded := make([]float32, 2*n), make([]float32, 2*n)
	impl.Decode(rows, packed)
	interp.Decode(typ, decoded, packed)
	if !slices.Equal(rows, decoded) {
		t.Errorf("%s: unpacked otherwise", typ.Name)
	}
	y := make([]float32, 2)
	impl.Matmul(y, 2, x, n, 1, packed, stride, 2, n, &kernels.Workspace{})
	for r := range y {
		var sum, size float64
		for i, v := range decoded[r*n:][:n] {
			sum, size = sum+float64(v)*float64(x[i]), size+max(float64(v)*float64(x[i]), -float64(v)*float64(x[i]))
		}
		if d := sum - float64(y[r]); !(max(d, -d) <= 1e-5*size) {
			t.Errorf("%s: row %d times x is %v, want %v", typ.Name, r, y[r], sum)
		}
	}
}
