package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/offset"
)

// AutoName is the word for a cache that leaves the choice to the program.
const AutoName = "auto"

// Auto is the best policy known for the model and why: the one that tune left beside it, else a
// careful rule. The rule is 8 bits for keys and 5 for values or the next larger types that fit the
// heads, the first and the last rows exact, and the constant part of the keys taken out where it is
// known.
func (r *Reader) Auto() (p kv.Policy, why string, err error) {
	if r.Path != "" {
		path := FilePath(r.Path)
		if _, err := os.Stat(path); err == nil {
			f16 := kv.Choice{Type: r.Table.ByName(exact)}
			p.K, p.V = f16, f16
			return p, "auto: as measured for this model, " + path, r.Apply(path, &p)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return p, "", err
		}
	}
	p.K, err = r.FirstFit(slices.Concat(PublishedTypes(r.Table, 8), OwnTypes(r.Table, 6), []string{exact}), func(l kv.Layer) int { return l.KeyDim })
	if err != nil {
		return p, "", err
	}
	if p.V, err = r.FirstFit(slices.Concat(OwnTypes(r.Table, 5), PublishedTypes(r.Table, 8), []string{exact}), func(l kv.Layer) int { return l.ValueDim }); err != nil {
		return p, "", err
	}
	p.Ends = kv.Ends{First: 4, Last: 32}
	name := r.BestOffset()
	if p.K.Offset, err = r.Offset("--cache auto: key offset", name); err != nil {
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

// FirstFit is the first of the types whose blocks fit the heads of every layer; dim is their size.
func (r *Reader) FirstFit(names []string, dim func(kv.Layer) int) (kv.Choice, error) {
	for _, name := range names {
		t, err := Type(r.Table, "--cache auto", name)
		if err != nil {
			return kv.Choice{}, err
		}
		fits := true
		for _, l := range r.Layers {
			fits = fits && t.Fits(dim(l)) == nil
		}
		if fits {
			return kv.Choice{Type: t}, nil
		}
	}
	return kv.Choice{}, fmt.Errorf("--cache auto: none of %v fits all layers", names)
}

// BestOffset is the name of the key offset to use where none is asked for: mean where it was
// calibrated, bias where every layer has one, else off.
func (r *Reader) BestOffset() string {
	if r.Path != "" {
		if _, err := os.Stat(offset.Path(r.Path)); err == nil {
			return "mean"
		}
	}
	for _, l := range offset.Bias(r.Model).Layers {
		if l.Mu == nil {
			return "off"
		}
	}
	return "bias"
}
