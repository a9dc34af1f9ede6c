package spec_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/kvgen/kvgen/gen/spec"
)

// FuzzParse: no text makes Parse panic or hang; it returns types that can be dumped, or Errors with
// a place each.
func FuzzParse(f *testing.F) {
	specs, _ := filepath.Glob("../../kernels/spec/*.hcl")
	for _, name := range specs {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	cases, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := spec.Parse(map[string][]byte{"fuzz.hcl": text})
		var all *spec.Errors
		if err != nil {
			if !errors.As(err, &all) || len(all.Diagnostics) == 0 || err.Error() == "" {
				t.Fatalf("an error without diagnostics: %v", err)
			}
			return
		}
		for _, x := range set.Types {
			spec.Dump(io.Discard, x)
		}
	})
}
