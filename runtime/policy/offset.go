package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/offset"
)

// Offset finds the key offset of a name: off, bias, mean for the file beside the model, or the path
// of such a file. Where says what the name is of, for the error. One that cannot be had is refused,
// or told to Unmet with Fallback; a layer that has none says so in its plan.
func (r *Reader) Offset(where, name string) (*kv.Offset, error) {
	switch strings.ToLower(name) {
	case "", "off", "none":
		return nil, nil
	}
	if o, ok := r.offsets[name]; ok {
		return o, nil
	}
	o, err := r.findOffset(name)
	if err != nil {
		if !r.Fallback {
			return nil, refuse("%s %.100s: %w; --allow-fallback goes on without it", where, name, err)
		}
		if r.Unmet != nil {
			r.Unmet(fmt.Sprintf("%s %.100s: %v", where, name, err))
		}
	}
	if r.offsets == nil {
		r.offsets = map[string]*kv.Offset{}
	}
	r.offsets[name] = o // one value for one name, since choices are compared by it
	return o, nil
}

func (r *Reader) findOffset(name string) (*kv.Offset, error) {
	path := name
	switch strings.ToLower(name) {
	case "bias":
		return offset.Bias(r.Model), nil
	case "mean":
		if r.Path == "" {
			return nil, errors.New("the embedded model has no file beside it; name the file that calibrate -o wrote")
		}
		path = offset.Path(r.Path)
	}
	if err := r.opening(path); err != nil {
		return nil, err
	}
	f, err := offset.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path != name:
		return nil, fmt.Errorf("there is no %s; kvrun calibrate %s writes it", path, r.Path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no such file; want off, bias, mean or a file that kvrun calibrate wrote")
	case err != nil:
		return nil, err
	}
	o, err := f.Offset(r.Model, "mean")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}
