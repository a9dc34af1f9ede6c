package policy

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// FilePath is where the policy that kvrun tune found for a model lies: beside it.
func FilePath(model string) string { return model + ".policy.json" }

// NewFile is p as a file, for any model of so many KV layers; offset is the name by which the key
// offset of p is asked for. All layers have the same exact rows.
func NewFile(p kv.Policy, layers int, offset, about string) File {
	f := File{About: about, FileLayer: FileLayer{K: sideFile(p.K, kv.Choice{}, offset), V: sideFile(p.V, kv.Choice{}, offset)}}
	if p.Ends != (kv.Ends{}) {
		f.First, f.Last = &p.Ends.First, &p.Ends.Last
	}
	if len(p.Layers) == 0 {
		return f
	}
	f.Layers = map[string]FileLayer{}
	layer := func(i int) [2]kv.Choice {
		if own, ok := p.Layers[i]; ok {
			return own
		}
		return [2]kv.Choice{p.K, p.V}
	}
	for lo := 0; lo < layers; {
		hi := lo
		for hi+1 < layers && layer(hi+1) == layer(lo) {
			hi++
		}
		span := fmt.Sprint(lo)
		if hi > lo {
			span = fmt.Sprintf("%d-%d", lo, hi)
		}
		f.Layers[span] = FileLayer{K: sideFile(layer(lo)[0], p.K, offset), V: sideFile(layer(lo)[1], p.V, offset)}
		lo = hi + 1
	}
	return f
}

// Seal makes a file one of a model: it names it and has a checksum.
func (f *File) Seal(id *model.Identity) (err error) {
	f.Model = id
	f.Sum, err = f.sum()
	return err
}

// sum is the checksum of the file.
func (f *File) sum() (string, error) {
	c := *f
	c.Sum = ""
	return state.Sum(&c)
}

// sideFile says what is not as for all layers.
func sideFile(c, all kv.Choice, offset string) *FileSide {
	s := &FileSide{Type: c.Type.Name}
	switch {
	case c.Rotation == all.Rotation:
	case c.Rotation == nil:
		s.Rotation = "off"
	default:
		s.Rotation = c.Rotation.Name
	}
	switch {
	case c.Offset == all.Offset:
	case c.Offset == nil:
		s.Offset = "off"
	default:
		s.Offset = offset
	}
	return s
}

// Write writes the file as JSON on several lines.
func (f *File) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(f)
}
