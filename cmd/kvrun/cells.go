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
// rotation behind a type, q4_0:kv with the default rotation on keys, values or both, or the path of a policy file, which
// ends in .json.
func (s *session) cellOf(name string) (cell, error) {
	p, err := cellPolicy(name, len(s.KVLayers()))
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
	return cell{name, plan}, nil
}

func cellPolicy(name string, layers int) (p kv.Policy, err error) {
	for _, t := range kernels.Types() {
		if t.KV {
			p.Known = append(p.Known, t)
		}
	}
	if strings.HasSuffix(name, ".json") {
		f16 := kv.Choice{Type: kernels.ByName("f16")}
		p.K, p.V = f16, f16
		return p, readPolicy(name, &p, layers)
	}
	types, rotated, turned := strings.Cut(name, ":")
	k, v, two := strings.Cut(types, "/")
	if !two {
		v = k
	}
	if p.K, err = sideOf(name, k); err == nil {
		p.V, err = sideOf(name, v)
	}
	if err == nil && turned {
		err = turnSides(name, rotated, &p)
	}
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
	return c.policy != "" || c.typeK != "f16" || c.typeV != "f16" || c.rotK != "" || c.rotV != ""
}

// name is what the flags ask for, as --cells spells it.
func (c *cacheFlags) name() string {
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
	if k == v {
		return k
	}
	return k + "/" + v
}
