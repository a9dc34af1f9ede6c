package gen_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestUnseenTypes shows that a type needs no Go: types that the project does not ship are compiled
// in a copy of it, and the conformance suite runs there as it is.
func TestUnseenTypes(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"kernels", "gen"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	specs := filepath.Join(dir, "kernels", "spec")
	shipped, err := filepath.Glob(filepath.Join(specs, "*.hcl"))
	if err != nil || len(shipped) == 0 {
		t.Fatalf("%d spec files: %v", len(shipped), err)
	}
	for _, name := range shipped {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(specs, os.DirFS(filepath.Join(root, "testdata", "unseen"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, name, string(text))
	}
	files, err := compile(specs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", "./kernels/cpu", "./kernels"}, {"test", "./kernels"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
}
