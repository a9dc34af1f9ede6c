package interp

import (
	"os"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/ref"
)

// readSpec reads the project's spec.
func readSpec(t *testing.T) *spec.Set {
	t.Helper()
	set, err := spec.Load(os.DirFS("../../kernels/spec"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestEveryFormat holds the interpreter, running the spec, to every hand-written oracle: neither
// knows of the other.
func TestEveryFormat(t *testing.T) {
	types := map[string]*spec.Type{}
	for _, typ := range readSpec(t).Types {
		types[typ.Name] = typ
	}
	for _, want := range ref.Formats() {
		t.Run(want.Name, func(t *testing.T) {
			typ := types[want.Name]
			if typ == nil {
				t.Fatal("not in the spec")
			}
			if typ.ID != want.ID {
				t.Errorf("id %d, want %d", typ.ID, want.ID)
			}
			got := Format(typ)
			if !typ.KV && typ.Encode == nil {
				want.Encode = nil // the spec only reads what the oracle can also write
			}
			if !typ.KV && want.Encode == nil {
				got.Encode = nil // written in a way of its own, which TestErrors of kernels judges
			}
			if got.Rotation.Size != want.Rotation.Size {
				t.Errorf("rotated by %d values, want %d", got.Rotation.Size, want.Rotation.Size)
			}
			sameFormat(t, got, want)
		})
	}
}
