package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// policyPath is where the policy that tune found for a model lies: beside it.
func policyPath(model string) string { return model + ".policy.json" }

// newPolicyFile is p as a file, for any model; offset is how the key offset of p is asked for. All layers have the same
// ends.
func (s *session) newPolicyFile(p kv.Policy, offset, about string) policyFile {
	f := policyFile{About: about, policyLayer: policyLayer{K: sideFile(p.K, kv.Choice{}, offset), V: sideFile(p.V, kv.Choice{}, offset)}}
	if p.Ends != (kv.Ends{}) {
		f.First, f.Last = &p.Ends.First, &p.Ends.Last
	}
	if len(p.Layers) == 0 {
		return f
	}
	f.Layers = map[string]policyLayer{}
	layer := func(i int) [2]kv.Choice {
		if own, ok := p.Layers[i]; ok {
			return own
		}
		return [2]kv.Choice{p.K, p.V}
	}
	n := len(s.KVLayers())
	for lo := 0; lo < n; {
		hi := lo
		for hi+1 < n && layer(hi+1) == layer(lo) {
			hi++
		}
		span := fmt.Sprint(lo)
		if hi > lo {
			span = fmt.Sprintf("%d-%d", lo, hi)
		}
		f.Layers[span] = policyLayer{K: sideFile(layer(lo)[0], p.K, offset), V: sideFile(layer(lo)[1], p.V, offset)}
		lo = hi + 1
	}
	return f
}

// seal makes a file one of a model.
func (f *policyFile) seal(id *model.Identity) (err error) {
	f.Model = id
	f.Sum, err = f.sum()
	return err
}

// sum is the checksum of the file.
func (f *policyFile) sum() (string, error) {
	c := *f
	c.Sum = ""
	return state.Sum(&c)
}

// sideFile says what is not as for all layers.
func sideFile(c, all kv.Choice, offset string) *policySide {
	s := &policySide{Type: c.Type.Name}
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

// write writes the file to w.
func (f *policyFile) write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(f)
}
