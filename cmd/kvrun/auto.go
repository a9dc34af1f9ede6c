package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/offset"
)

// auto is the value of --cache that leaves the choice to the program.
const auto = "auto"

// autoPolicy is the best policy known for the model and why: the one that tune left beside it, else a careful rule: 8 bits
// for keys and 5 for values or the next larger types that fit the heads, the first and the last rows exact, and the constant
// part of the keys taken out where it is known.
func (s *session) autoPolicy() (p kv.Policy, why string, err error) {
	if s.path != embedded {
		path := policyPath(s.path)
		if _, err := os.Stat(path); err == nil {
			f16 := kv.Choice{Type: kernels.ByName("f16")}
			p.K, p.V = f16, f16
			return p, "auto: as measured for this model, " + path, s.readPolicy(path, &p)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return p, "", err
		}
	}
	p.K, err = s.firstFit([]string{"q8_0", "lm6_64", "lm6_32", "f16"}, func(l kv.Layer) int { return l.KeyDim })
	if err != nil {
		return p, "", err
	}
	if p.V, err = s.firstFit(append(blocks("lm5"), "q8_0", "f16"), func(l kv.Layer) int { return l.ValueDim }); err != nil {
		return p, "", err
	}
	p.Ends = kv.Ends{First: 4, Last: 32}
	name := s.bestOffset()
	if p.K.Offset, err = s.offset("--cache auto: key offset", name); err != nil {
		return p, "", err
	}
	why = fmt.Sprintf("auto: the safe rule, %s for K and %s for V", p.K.Type.Name, p.V.Type.Name)
	if !p.K.Type.Quantised || !p.V.Type.Quantised {
		why += " since no smaller type of the rule fits the heads"
	}
	why += fmt.Sprintf(", the first %d and last %d rows exact", p.Ends.First, p.Ends.Last)
	if p.K.Offset != nil {
		why += ", key offset " + name
	}
	return p, why + "; kvrun tune finds what is best for this model", nil
}

// blocks are the types of a family from large blocks, which cost less, to small ones.
func blocks(family string) []string { return []string{family + "_128", family + "_64", family + "_32"} }

// firstFit is the first of the types that fits every layer.
func (s *session) firstFit(names []string, dim func(kv.Layer) int) (kv.Choice, error) {
	for _, name := range names {
		t, err := cacheType("--cache auto", name)
		if err != nil {
			return kv.Choice{}, err
		}
		fits := true
		for _, l := range s.KVLayers() {
			fits = fits && t.Fits(dim(l)) == nil
		}
		if fits {
			return kv.Choice{Type: t}, nil
		}
	}
	return kv.Choice{}, fmt.Errorf("--cache auto: none of %v fits all layers", names)
}

// bestOffset is the key offset to use where none is asked for: mean where it was calibrated, bias where every layer has
// one, else off.
func (s *session) bestOffset() string {
	if s.path != embedded {
		if _, err := os.Stat(offset.Path(s.path)); err == nil {
			return "mean"
		}
	}
	for _, l := range offset.Bias(s.Model).Layers {
		if l.Mu == nil {
			return "off"
		}
	}
	return "bias"
}
