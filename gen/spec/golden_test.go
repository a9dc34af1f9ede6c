package spec_test

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/kvgen/kvgen/gen/spec"
)

// TestGolden compares everything that is known about a few types with testdata/types.txtar, one
// file per type.
func TestGolden(t *testing.T) {
	const file = "testdata/types.txtar"
	types := map[string]*spec.Type{}
	for _, x := range load(t).Types {
		types[x.Name] = x
	}
	golden, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(golden.Files) < 4 {
		t.Fatalf("%s has %d types", file, len(golden.Files))
	}
	for i := range golden.Files {
		want := &golden.Files[i]
		x := types[want.Name]
		if x == nil {
			t.Errorf("%s is not declared", want.Name)
			continue
		}
		var got bytes.Buffer
		spec.Dump(&got, x)
		if *update {
			want.Data = got.Bytes()
		}
		if !bytes.Equal(got.Bytes(), want.Data) {
			t.Errorf("%s: got:\n%swant:\n%s", want.Name, got.Bytes(), want.Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(golden), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// load reads the project's own spec.
func load(t *testing.T) *spec.Set {
	t.Helper()
	set, err := spec.Load(os.DirFS("../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}
