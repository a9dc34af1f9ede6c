package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
)

// A cell is a policy with a name, and what becomes of it for a model.
type cell struct {
	Name string
	Plan *kv.Plan
}

// cellOf plans the cache that a name stands for: q8_0 (both sides), q8_0/turbo4 (keys/values), q4_0+attn/lm4_64 with a
// rotation behind a type, q4_0:kv with the default rotation on keys, values or both, lm4_64-mean/lm4_64 with an offset
// taken out of the keys, q4_0@4+32 with so many first and last rows exact, or the path of a policy file, which ends in .json.
func (s *session) cellOf(name string) (cell, error) {
	p, err := s.cellPolicy(name)
	if err != nil {
		return cell{}, err
	}
	if s.flags.allowFallback {
		p.Fallback = kernels.ByName("f16")
	}
	plan, err := kv.NewPlan(s.KVLayers(), p)
	if err != nil {
		return cell{}, refuse("%s: the cache cannot be stored so:\n%w", name, err)
	}
	s.noteInterpreted(plan)
	return cell{name, plan}, nil
}

func (s *session) cellPolicy(name string) (p kv.Policy, err error) {
	for _, t := range kernels.Types() {
		if t.KV {
			p.Known = append(p.Known, t)
		}
	}
	if strings.HasSuffix(name, ".json") {
		f16 := kv.Choice{Type: kernels.ByName("f16")}
		p.K, p.V = f16, f16
		return p, s.readPolicy(name, &p)
	}
	types, ends, kept := strings.Cut(name, "@")
	if kept {
		if n, err := fmt.Sscanf(ends+"\n", "%d+%d\n", &p.Ends.First, &p.Ends.Last); n != 2 || err != nil {
			return p, fmt.Errorf("%s: rows %q: want first+last, such as 4+32", name, ends)
		}
	}
	types, rotated, turned := strings.Cut(types, ":")
	k, v, two := strings.Cut(types, "/")
	k, off, _ := strings.Cut(k, "-")
	if !two {
		v = k
	}
	if p.K, err = sideOf(name, k); err != nil {
		return p, err
	}
	if p.V, err = sideOf(name, v); err != nil {
		return p, err
	}
	if turned {
		if err := turnSides(name, rotated, &p); err != nil {
			return p, err
		}
	}
	p.K.Offset, err = s.offset(name+": offset", off)
	return p, err
}

// turns are what may follow the colon of a cell.
var turns = []string{"off", "k", "v", "kv"}

// turnSides gives the default rotation to the sides that rotated names.
func turnSides(cell, rotated string, p *kv.Policy) error {
	if !slices.Contains(turns, rotated) {
		return fmt.Errorf("%s: rotation of %q: want one of %s", cell, rotated, strings.Join(turns, " "))
	}
	for _, side := range []struct {
		letter string
		to     *kv.Choice
	}{{"k", &p.K}, {"v", &p.V}} {
		if !strings.Contains(rotated, side.letter) {
			continue
		}
		if side.to.Rotation != nil {
			return fmt.Errorf("%s: a rotation is named twice", cell)
		}
		side.to.Rotation = kernels.Rotations()[0]
	}
	return nil
}

// sideOf reads type or type+rotation.
func sideOf(cell, s string) (c kv.Choice, err error) {
	typ, rot, _ := strings.Cut(s, "+")
	if c.Type, err = cacheType(cell, typ); err == nil {
		c.Rotation, err = rotation(cell, rot)
	}
	return c, err
}

// cells are the policies of a command: those that --cells lists, the one of the cache flags when they ask for anything,
// or those of names that fit the model.
func (s *session) cells(list []string, names ...string) ([]cell, error) {
	asked := s.flags.asked()
	if len(list) == 0 && !asked {
		for _, name := range names {
			if c, err := s.cellOf(name); err == nil {
				list = append(list, c.Name)
			} else {
				s.notes = append(s.notes, fmt.Sprintf("%s is left out: it does not fit this model", name))
			}
		}
	}
	var all []cell
	for _, name := range list {
		c, err := s.cellOf(name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if asked {
		all = append(all, cell{s.flags.name(), s.plan})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no cache to compare: give --cells or --cache-type-k and --cache-type-v")
	}
	return all, nil
}

// asked says whether the flags ask for another cache than the default.
func (c *cacheFlags) asked() bool {
	offset := c.offset != "" && c.offset != "off"
	return c.cache != "" || c.policy != "" || c.typeK != "f16" || c.typeV != "f16" || c.rotK != "" || c.rotV != "" || offset || c.first > 0 || c.last > 0
}

// name is what the flags ask for, as --cells spells it.
func (c *cacheFlags) name() string {
	if c.cache != "" {
		return c.cache
	}
	if c.policy != "" {
		return c.policy
	}
	side := func(typ, rot string) string {
		if rot == "" || rot == "off" {
			return typ
		}
		return typ + "+" + rot
	}
	k, v := side(c.typeK, c.rotK), side(c.typeV, c.rotV)
	name, ends := k, ""
	if c.offset != "" && c.offset != "off" {
		name += "-" + c.offset
	}
	if k != v {
		name += "/" + v
	}
	if c.first > 0 || c.last > 0 {
		ends = fmt.Sprintf("@%d+%d", c.first, c.last)
	}
	return name + ends
}
