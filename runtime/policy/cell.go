package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Plan plans the cache that a cell stands for, as Policy reads it.
func (r *Reader) Plan(cell string) (*kv.Plan, error) {
	p, err := r.Policy(cell)
	if err != nil {
		return nil, err
	}
	if r.Fallback {
		p.Fallback = r.Table.ByName(exact)
	}
	plan, err := kv.NewPlan(r.Layers, p)
	if err != nil {
		return nil, refuse("%s: the cache cannot be stored so:\n%w", cell, err)
	}
	return plan, nil
}

// exact is the type of rows that are not to lose anything to speak of.
const exact = "f16"

// Policy reads the name of a cell:
//
//	q8_0                    the type of keys and values
//	q8_0/turbo4             keys and values
//	q4_0+attn/lm4_64        a rotation behind a type
//	q4_0:kv                 the first rotation of the table on keys (k), values (v) or both (kv)
//	lm4_64-mean/lm4_64      a key offset taken out of the keys, as Offset names it
//	q4_0@4+32               so many first and last rows exact
//	mine.json               a policy file
func (r *Reader) Policy(name string) (p kv.Policy, err error) {
	p.Known = r.Known()
	if strings.HasSuffix(name, ".json") {
		f16 := kv.Choice{Type: r.Table.ByName(exact)}
		p.K, p.V = f16, f16
		return p, r.Apply(name, &p)
	}
	types, ends, kept := strings.Cut(name, "@")
	name = fmt.Sprintf("%.100s", name) // for errors
	if kept {
		if n, err := fmt.Sscanf(ends+"\n", "%d+%d\n", &p.Ends.First, &p.Ends.Last); n != 2 || err != nil {
			return p, fmt.Errorf("%s: rows %q: want first+last, such as 4+32", name, ends)
		}
	}
	types, sides, rotated := strings.Cut(types, ":")
	k, v, two := strings.Cut(types, "/")
	k, off, _ := strings.Cut(k, "-")
	if !two {
		v = k
	}
	if p.K, err = r.Side(name, k); err != nil {
		return p, err
	}
	if p.V, err = r.Side(name, v); err != nil {
		return p, err
	}
	if rotated {
		if err := r.rotate(name, sides, &p); err != nil {
			return p, err
		}
	}
	p.K.Offset, err = r.Offset(name+": offset", off)
	return p, err
}

// RotatedSides are what may follow the colon of a cell.
var RotatedSides = []string{"off", "k", "v", "kv"}

// rotate gives the first rotation of the table to the sides that are named.
func (r *Reader) rotate(cell, sides string, p *kv.Policy) error {
	if !slices.Contains(RotatedSides, sides) {
		return fmt.Errorf("%s: rotation of %q: want one of %s", cell, sides, strings.Join(RotatedSides, " "))
	}
	for _, side := range []struct {
		letter string
		to     *kv.Choice
	}{{"k", &p.K}, {"v", &p.V}} {
		if !strings.Contains(sides, side.letter) {
			continue
		}
		if side.to.Rotation != nil {
			return fmt.Errorf("%s: a rotation is named twice", cell)
		}
		side.to.Rotation = r.Table.Rotations()[0]
	}
	return nil
}

// Side reads TYPE or TYPE+ROTATION; cell is what it is of, for errors.
func (r *Reader) Side(cell, s string) (c kv.Choice, err error) {
	typ, rot, _ := strings.Cut(s, "+")
	if c.Type, err = Type(r.Table, cell, typ); err == nil {
		c.Rotation, err = Rotation(r.Table, cell, rot)
	}
	return c, err
}
