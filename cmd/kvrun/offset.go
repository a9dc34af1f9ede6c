package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/offset"
)

// offset finds the key offset that a flag or file names: off, bias, mean for the file beside the model, or the path of
// such a file. One that cannot be had is refused, or noted with --allow-fallback; a layer that has none says so in its plan.
func (s *session) offset(where, name string) (*kv.Offset, error) {
	switch strings.ToLower(name) {
	case "", "off", "none":
		return nil, nil
	}
	if o, ok := s.offsets[name]; ok {
		return o, nil
	}
	o, err := s.findOffset(name)
	if err != nil {
		if !s.flags.allowFallback {
			return nil, refuse("%s %.100s: %w; --allow-fallback goes on without it", where, name, err)
		}
		s.unmet = append(s.unmet, fmt.Sprintf("%s %.100s: %v", where, name, err))
	}
	if s.offsets == nil {
		s.offsets = map[string]*kv.Offset{}
	}
	s.offsets[name] = o // one value for one name, since choices are compared by it
	return o, nil
}

func (s *session) findOffset(name string) (*kv.Offset, error) {
	path := name
	switch strings.ToLower(name) {
	case "bias":
		return offset.Bias(s.Model), nil
	case "mean":
		if s.path == embedded {
			return nil, errors.New("the embedded model has no file beside it; name the file that calibrate -o wrote")
		}
		path = offset.Path(s.path)
	}
	if err := s.input(path); err != nil {
		return nil, err
	}
	f, err := offset.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path != name:
		return nil, fmt.Errorf("there is no %s; kvrun calibrate %s writes it", path, s.path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no such file; want off, bias, mean or a file that kvrun calibrate wrote")
	case err != nil:
		return nil, err
	}
	o, err := f.Offset(s.Model, "mean")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}
