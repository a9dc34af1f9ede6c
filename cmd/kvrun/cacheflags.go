package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
)

// cacheFlags say how keys and values are stored.
type cacheFlags struct {
	typeK, typeV  string
	rotK, rotV    string
	offset        string
	first, last   int
	policy        string
	cache         string
	allowFallback bool
}

func (c *cacheFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&c.typeK, "cache-type-k", "f16", "`type` of the keys")
	fs.StringVar(&c.typeV, "cache-type-v", "f16", "`type` of the values")
	fs.StringVar(&c.rotK, "rot-k", "", "`rotation` of the keys: off, on or a name (default: LLAMA_ATTN_ROT_K_OVERRIDE, else off)")
	fs.StringVar(&c.rotV, "rot-v", "", "`rotation` of the values (default: LLAMA_ATTN_ROT_V_OVERRIDE, else off)")
	fs.StringVar(&c.offset, "k-offset", "off", "`constant` taken out of the keys before RoPE: off, bias (the model's own), mean (measured by calibrate) or a file of it")
	fs.IntVar(&c.first, "keep-first", 0, "first `rows` of the cache to keep in f16")
	fs.IntVar(&c.last, "keep-last", 0, "last `rows` of the cache to keep in f16; older ones are encoded 8 at a time")
	fs.StringVar(&c.policy, "policy", "", "`file` of types, rotations and extras per layer and side, JSON")
	fs.StringVar(&c.cache, "cache", "", "the whole cache in one word: auto (the best known for the model) or a `cell` as sweep spells it, such as lm4_64-bias/lm4_64@4+32")
	fs.BoolVar(&c.allowFallback, "allow-fallback", false, "go on with something else where a request cannot be honoured")
}

// plan decides how the layers are stored. unmet is what was asked for in vain, with leave.
func (c *cacheFlags) plan(e *environment, s *session) (plan *kv.Plan, unmet []string, err error) {
	layers := s.KVLayers()
	if c.first < 0 || c.last < 0 {
		return nil, nil, fmt.Errorf("--keep-first %d, --keep-last %d: want 0 or more rows", c.first, c.last)
	}
	if c.cache != "" {
		return c.planWhole(s)
	}
	p := kv.Policy{Ends: kv.Ends{First: c.first, Last: c.last}}
	p.Known = s.cache.Known()
	if c.allowFallback {
		p.Fallback = s.table.ByName("f16")
	}
	env, err := kv.ReadEnvRotation(e.lookup)
	if err != nil {
		return nil, nil, err
	}
	for _, side := range []struct {
		name, typ, rot string
		to             *kv.Choice
	}{{"k", c.typeK, c.rotK, &p.K}, {"v", c.typeV, c.rotV, &p.V}} {
		if side.to.Type, err = policy.Type(s.table, "--cache-type-"+side.name, side.typ); err != nil {
			return nil, nil, err
		}
		if side.rot != "" {
			side.to.Rotation, err = policy.Rotation(s.table, "--rot-"+side.name, side.rot)
		} else {
			var note string
			side.to.Rotation, note, err = c.fromEnvironment(s.table, env, side.name == "k", side.to.Type, layers)
			if note != "" {
				unmet = append(unmet, note)
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if p.K.Offset, err = s.cache.Offset("--k-offset", c.offset); err != nil {
		return nil, nil, err
	}
	if c.policy != "" {
		if err := s.cache.Apply(c.policy, &p); err != nil {
			return nil, nil, err
		}
	}
	unmet = append(unmet, s.unmet...)
	plan, err = kv.NewPlan(layers, p)
	if err != nil {
		return nil, nil, refuse("the cache cannot be stored as requested (--allow-fallback goes on with f16 there):\n%w", err)
	}
	return plan, unmet, nil
}

// planWhole is the plan of --cache.
func (c *cacheFlags) planWhole(s *session) (plan *kv.Plan, unmet []string, err error) {
	rest := *c
	rest.cache = ""
	if rest.asked() {
		return nil, nil, fmt.Errorf("--cache %s says everything of the cache: it goes with no other flag of it", c.cache)
	}
	p, why := kv.Policy{}, ""
	if c.cache == policy.AutoName {
		p, why, err = s.cache.Auto()
	} else {
		p, err = s.cache.Policy(c.cache)
	}
	if err != nil {
		return nil, nil, err
	}
	if c.allowFallback {
		p.Fallback = s.table.ByName("f16")
	}
	if plan, err = kv.NewPlan(s.KVLayers(), p); err != nil {
		return nil, nil, refuse("--cache %s: the cache cannot be stored so (--allow-fallback goes on with f16 there):\n%w", c.cache, err)
	}
	if why != "" {
		plan.Explain(why)
		s.rule = why
	}
	return plan, s.unmet, nil
}

// fromEnvironment is the rotation that the LLAMA_ATTN_ROT_* variables ask for on a side. A request
// that comes to nothing is refused, or noted with --allow-fallback. The variable that forbids
// rotation is itself a request, and only noted.
func (c *cacheFlags) fromEnvironment(table *kernels.Table, env kv.EnvRotation, key bool, t *kernels.Type, layers []kv.Layer) (r *kernels.Rotation, note string, err error) {
	if len(layers) == 0 {
		return nil, "", nil
	}
	size := func(l kv.Layer) int {
		if key {
			return l.KeyDim
		}
		return l.ValueDim
	}
	dim, uniform := size(layers[0]), true
	for _, l := range layers {
		uniform = uniform && size(l) == dim
	}
	tile, why := env.Side(key, t.Quantised, dim, uniform)
	if why == "" && tile == 0 {
		return nil, "", nil
	}
	if why == "" {
		for _, r := range table.Rotations() {
			if r.Transform.Size == tile {
				return r, "", nil
			}
		}
		why = fmt.Sprintf("LLAMA_ATTN_ROT_K_NROT: no rotation has tiles of %d", tile)
	}
	if c.allowFallback || env.Locked {
		return nil, why, nil
	}
	return nil, "", refuse("%s; --rot-k, --rot-v or --allow-fallback decide otherwise", strings.TrimSuffix(why, "."))
}

// cellOf plans the cache that a name stands for, as policy.Reader has it.
func (s *session) cellOf(name string) (lab.Cell, error) {
	plan, err := s.cache.Plan(name)
	if err != nil {
		return lab.Cell{}, err
	}
	s.noteInterpreted(plan)
	return lab.Cell{Name: name, Plan: plan}, nil
}

// cells are the policies of a command: those that --cells lists, the one of the cache flags when
// they ask for anything, or those of names that fit the model.
func (s *session) cells(list []string, names ...string) ([]lab.Cell, error) {
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
	var all []lab.Cell
	for _, name := range list {
		c, err := s.cellOf(name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if asked {
		all = append(all, lab.Cell{Name: s.flags.name(), Plan: s.plan})
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
