package gen_test

import (
	"bytes"
	"os"
	"sync"
	"testing"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
)

// root is the project root as seen from this folder.
const root = ".."

// compile generates everything from a spec folder.
func compile(dir string) (gen.Files, error) {
	set, err := spec.Load(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	return gen.Run(set, gen.Targets()...)
}

var compiled = sync.OnceValues(func() (gen.Files, error) { return compile(root + "/kernels/spec") })

// ours is what the project's types compile to, which several tests look at.
func ours(t *testing.T) gen.Files {
	t.Helper()
	files, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestUpToDate fails when a generated file is stale, missing, without its header or left over.
func TestUpToDate(t *testing.T) {
	differ, err := ours(t).Diff(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differ {
		t.Errorf("%v; run go generate ./...", d)
	}
}

// TestDeterministic compiles twice from two readings of the spec.
func TestDeterministic(t *testing.T) {
	first := ours(t)
	second, err := compile(root + "/kernels/spec")
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(second) {
		t.Fatalf("%d files, then %d", len(first), len(second))
	}
	for _, p := range first.Paths() {
		if !bytes.Equal(first[p], second[p]) {
			t.Errorf("%s differs between two runs", p)
		}
	}
}
