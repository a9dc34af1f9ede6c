package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// policyFile is a policy as --policy reads it:
//
//	{
//	  "k": {"type": "q8_0"},
//	  "v": {"type": "q4_0", "rotation": "attn"},
//	  "layers": {"0": {"k": {"type": "f16"}}, "5-7": {"v": {"type": "q8_0"}}}
//	}
//
// Layers are counted over those that have a cache. What a side leaves out is as for all layers, and what the file
// leaves out is as the flags say.
type policyFile struct {
	K, V   *policySide
	Layers map[string]struct{ K, V *policySide }
}

type policySide struct{ Type, Rotation string }

// cacheType finds the type that a flag or file names.
func cacheType(where, name string) (*kernels.Type, error) {
	if t := typeNamed(name, forCache); t != nil {
		return t, nil
	}
	names := typeNames(forCache)
	return nil, fmt.Errorf("%s: no cache type %q%s; types: %s", where, name, nearest(name, names), strings.Join(names, " "))
}

// rotation finds a rotation; off, none and nothing stand for none.
func rotation(where, name string) (*kernels.Rotation, error) {
	var names []string
	for _, r := range kernels.Rotations() {
		if strings.EqualFold(r.Name, name) {
			return r, nil
		}
		names = append(names, r.Name)
	}
	switch strings.ToLower(name) {
	case "", "off", "none":
		return nil, nil
	case "on":
		return kernels.Rotations()[0], nil
	}
	return nil, fmt.Errorf("%s: no rotation %q%s; rotations: off %s", where, name, nearest(name, names), strings.Join(names, " "))
}

// over changes c to what the side says.
func (s *policySide) over(where string, c kv.Choice) (kv.Choice, error) {
	if s == nil {
		return c, nil
	}
	var err error
	if s.Type != "" {
		if c.Type, err = cacheType(where, s.Type); err != nil {
			return c, err
		}
	}
	if s.Rotation != "" {
		c.Rotation, err = rotation(where, s.Rotation)
	}
	return c, err
}

// maxPolicy is more than a policy of as many layers as there can be.
const maxPolicy = 1 << 20

// decodePolicy reads the one JSON object of the file at path.
func decodePolicy(path string) (f policyFile, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPolicy+1))
	switch {
	case err != nil:
		return f, err
	case len(data) > maxPolicy:
		return f, fmt.Errorf("%s: more than %d bytes: no policy", path, maxPolicy)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err = d.Decode(&f); err == nil {
		if _, err = d.Token(); err == io.EOF {
			return f, nil
		}
		err = errors.New("something follows the policy")
	}
	at := d.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at, err = kind.Offset, fmt.Errorf("%s is of kind %s, which a policy does not have there", cmp.Or(strings.ToLower(kind.Field), "the file"), kind.Value)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		at, err = int64(len(data)), errors.New("the file ends before its policy does")
	}
	line := 1 + bytes.Count(data[:min(int(at), len(data))], []byte("\n"))
	return f, fmt.Errorf("%s: near line %d: %w", path, line, err)
}

// readPolicy changes p, which holds what the flags say, to what the file at path says; layers is how many there are.
func readPolicy(path string, p *kv.Policy, layers int) error {
	f, err := decodePolicy(path)
	if err != nil {
		return err
	}
	if p.K, err = f.K.over(path+": k", p.K); err != nil {
		return err
	}
	if p.V, err = f.V.over(path+": v", p.V); err != nil {
		return err
	}
	p.Layers = map[int][2]kv.Choice{}
	for span, sides := range f.Layers {
		lo, hi, err := layerSpan(span, layers)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		where := path + ": layer " + span
		k, err := sides.K.over(where+", k", p.K)
		if err != nil {
			return err
		}
		v, err := sides.V.over(where+", v", p.V)
		if err != nil {
			return err
		}
		for i := lo; i <= hi; i++ {
			if _, twice := p.Layers[i]; twice {
				return fmt.Errorf("%s: layer %d is named twice", path, i)
			}
			p.Layers[i] = [2]kv.Choice{k, v}
		}
	}
	return nil
}

// layerSpan reads "3" or "3-5".
func layerSpan(s string, layers int) (lo, hi int, err error) {
	a, b, isSpan := strings.Cut(s, "-")
	lo, err = strconv.Atoi(a)
	hi = lo
	if isSpan && err == nil {
		hi, err = strconv.Atoi(b)
	}
	if err != nil || lo < 0 || hi < lo || hi >= layers {
		return 0, 0, fmt.Errorf("layer %q: want a layer or first-last within 0-%d", s, layers-1)
	}
	return lo, hi, nil
}
