package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// File is a policy as JSON, as kvrun --policy reads it:
//
//	{
//	  "k": {"type": TYPE, "offset": "bias"},
//	  "v": {"type": TYPE, "rotation": "attn"},
//	  "keep_first": 4, "keep_last": 32,
//	  "layers": {"0": {"k": {"type": TYPE}}, "5-7": {"v": {"type": TYPE}, "keep_last": 128}}
//	}
//
// TYPE is a name that kvrun types lists. Layers are counted over those that have a cache. What a
// side leaves out is as for all layers, and what the file leaves out is as the flags say. A file
// that a command wrote says what it costs and for which model it is, and has a checksum: whoever
// changes it takes "model" and "sum" out.
type File struct {
	About string `json:"about,omitempty"`
	FileLayer
	Layers map[string]FileLayer `json:"layers,omitempty"`
	Model  *model.Identity      `json:"model,omitempty"` // a file without one is for any model
	Sum    string               `json:"sum,omitempty"`
}

// FileLayer is what a file says of all layers, or of some.
type FileLayer struct {
	K     *FileSide `json:"k,omitempty"`
	V     *FileSide `json:"v,omitempty"`
	First *int      `json:"keep_first,omitempty"`
	Last  *int      `json:"keep_last,omitempty"`
}

// FileSide is what a file says of a side, by name; "" is as for all layers, or as the flags say.
type FileSide struct {
	Type     string `json:"type,omitempty"`
	Rotation string `json:"rotation,omitempty"`
	Offset   string `json:"offset,omitempty"`
}

// ends changes e to what the layer says.
func (l *FileLayer) ends(e kv.Ends) kv.Ends {
	if l.First != nil {
		e.First = *l.First
	}
	if l.Last != nil {
		e.Last = *l.Last
	}
	return e
}

// over changes c to what the side says.
func (s *FileSide) over(of *Reader, where string, c kv.Choice) (kv.Choice, error) {
	if s == nil {
		return c, nil
	}
	var err error
	if s.Type != "" {
		if c.Type, err = Type(of.Table, where, s.Type); err != nil {
			return c, err
		}
	}
	if s.Rotation != "" {
		if c.Rotation, err = Rotation(of.Table, where, s.Rotation); err != nil {
			return c, err
		}
	}
	if s.Offset != "" {
		c.Offset, err = of.Offset(where, s.Offset)
	}
	return c, err
}

// MaxFile is more bytes than a policy of as many layers as there can be.
const MaxFile = 1 << 20

// ReadFile reads the one JSON object of the file at path, and refuses one that was changed after a
// command wrote it.
func ReadFile(path string) (f File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	switch {
	case err != nil:
		return f, err
	case len(data) > MaxFile:
		return f, fmt.Errorf("%s: more than %d bytes: no policy", path, MaxFile)
	}
	var old struct {
		Model string `json:"model"`
	}
	if json.Unmarshal(data, &old) == nil && old.Model != "" {
		return f, fmt.Errorf("%s is of a version that did not say enough of its model: kvrun tune makes it again; without \"model\" it is for any model", path)
	}
	if err := state.Decode(data, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	switch sum, err := f.sum(); {
	case err != nil:
		return f, err
	case (f.Model == nil) != (f.Sum == "") || f.Sum != "" && f.Sum != sum:
		return f, fmt.Errorf("%s was changed after a command wrote it: its checksum differs; without \"model\" and \"sum\" it is one of yours, for any model", path)
	}
	return f, nil
}

// Apply changes p, which holds what the flags say, to what the file at path says. A file that names
// its model is refused for any other.
func (r *Reader) Apply(path string, p *kv.Policy) error {
	if err := r.opening(path); err != nil {
		return err
	}
	f, err := ReadFile(path)
	if err != nil {
		return err
	}
	if f.Model != nil {
		id, err := r.identity()
		if err == nil {
			err = id.Check("the policy", f.Model)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if p.K, err = f.K.over(r, path+": k", p.K); err != nil {
		return err
	}
	if p.V, err = f.V.over(r, path+": v", p.V); err != nil {
		return err
	}
	p.Ends = f.ends(p.Ends)
	p.Layers, p.LayerEnds = map[int][2]kv.Choice{}, map[int]kv.Ends{}
	for span, l := range f.Layers {
		lo, hi, err := layerSpan(span, len(r.Layers))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		where := path + ": layer " + span
		k, err := l.K.over(r, where+", k", p.K)
		if err != nil {
			return err
		}
		v, err := l.V.over(r, where+", v", p.V)
		if err != nil {
			return err
		}
		for i := lo; i <= hi; i++ {
			if _, twice := p.Layers[i]; twice {
				return fmt.Errorf("%s: layer %d is named twice", path, i)
			}
			p.Layers[i], p.LayerEnds[i] = [2]kv.Choice{k, v}, l.ends(p.Ends)
		}
	}
	return nil
}

// layerSpan reads "3" or "3-5".
func layerSpan(s string, layers int) (lo, hi int, err error) {
	a, b, isSpan := strings.Cut(s, "-")
	lo, err = layerNumber(a)
	hi = lo
	if isSpan && err == nil {
		hi, err = layerNumber(b)
	}
	if err != nil || hi < lo || hi >= layers {
		return 0, 0, fmt.Errorf("layer %s: want a layer or first-last within 0-%d", state.Short(s), layers-1)
	}
	return lo, hi, nil
}

// layerNumber reads a number in its shortest form, so that a layer has one name.
func layerNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || strconv.Itoa(n) != s) {
		err = strconv.ErrSyntax
	}
	return n, err
}
