package gen_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
)

// root is the project root as seen from this folder.
const root = ".."

// compile generates everything from a spec folder.
func compile(t *testing.T, dir string) gen.Files {
	t.Helper()
	set, err := spec.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	files, err := gen.Run(set, gen.Targets()...)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestUpToDate fails when a generated file is stale, missing, without its header or left over.
func TestUpToDate(t *testing.T) {
	differ, err := compile(t, root+"/kernels/spec").Diff(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differ {
		t.Errorf("%v; run go generate ./...", d)
	}
}

// TestDeterministic compiles twice from two readings of the spec.
func TestDeterministic(t *testing.T) {
	first, second := compile(t, root+"/kernels/spec"), compile(t, root+"/kernels/spec")
	if len(first) != len(second) {
		t.Fatalf("%d files, then %d", len(first), len(second))
	}
	for _, p := range first.Paths() {
		if !bytes.Equal(first[p], second[p]) {
			t.Errorf("%s differs between two runs", p)
		}
	}
}
