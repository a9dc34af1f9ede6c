package lab

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Level is a promise about a cache: the upper end of the interval of its mean KLD, in nats per
// token, is at most this.
type Level struct {
	Name  string  `json:"name"`
	KLD   float64 `json:"kld_at_most"`
	Means string  `json:"means"`
}

// Levels from strict to lenient. After 1/KLD tokens a text has gathered one nat of evidence, on
// average, that it is not the reference's. The first level is about what rounding activations to
// int8 costs SmolLM2 (.0047), which everybody who runs quantised weights pays already.
var Levels = []Level{
	{"safe", .005, "at least 200 tokens of text until one can notice"},
	{"small", .02, "at least 50 tokens of text until one can notice"},
	{"smallest", .1, "at least 10 tokens of text until one can notice"},
}

// Pick is the smallest cell that keeps a level's promise.
type Pick struct {
	Level
	Cell    string   `json:"cell"` // empty if no cell keeps it
	Bits    float64  `json:"bits_per_value"`
	Bytes   float64  `json:"bytes_per_token"`
	Cost    Estimate `json:"kld"`      // in the setting where it is highest
	SameTop Estimate `json:"same_top"` // there
	LnRatio Estimate `json:"ln_ppl_ratio"`
	Setting Setting  `json:"setting"`
	// where no cell keeps it: the one that comes closest
	Closest string `json:"closest,omitempty"`
}

// Advice is what a result supports.
type Advice struct {
	Picks    []Pick `json:"picks"` // by level; empty with too few chunks
	Because  string `json:"because,omitempty"`
	Settings int    `json:"n_settings"` // in each of which a promise must hold
}

// Advise picks from the cells that were measured in every setting, over Least chunks at least. A
// cell keeps a promise when the upper end of its interval does, in every setting. Cells that
// allowed refuses are passed over; nil allows all.
func (r *Result) Advise(allowed func(*CellResult) bool) Advice {
	a := Advice{Settings: len(r.Tables)}
	worst, why := r.worst(allowed)
	if len(worst) == 0 {
		a.Because = why
		return a
	}
	for _, l := range Levels {
		p := Pick{Level: l}
		if i := slices.IndexFunc(worst, func(w Pick) bool { return w.Cost.High <= l.KLD }); i >= 0 {
			p = worst[i]
			p.Level = l
		} else {
			closest := slices.MinFunc(worst, func(x, y Pick) int { return cmp.Compare(x.Cost.High, y.Cost.High) })
			p.Closest, p.Cost, p.Bits = closest.Cell, closest.Cost, closest.Bits
		}
		a.Picks = append(a.Picks, p)
	}
	return a
}

// worst returns every cell with the setting in which it costs most, the smallest first.
func (r *Result) worst(allowed func(*CellResult) bool) (all []Pick, why string) {
	byName := map[string]*Pick{}
	seen := map[string]int{}
	least := math.MaxInt
	var names []string
	for i := range r.Tables {
		t := &r.Tables[i]
		for k := range t.Cells {
			c := &t.Cells[k]
			if c.Swap != nil || allowed != nil && !allowed(c) {
				continue
			}
			least = min(least, len(c.Chunk))
			if len(c.Chunk) < Least {
				continue
			}
			p := byName[c.Name]
			if p == nil {
				p = &Pick{Cell: c.Name, Cost: Estimate{High: math.Inf(-1)}}
				byName[c.Name] = p
				names = append(names, c.Name)
			}
			seen[c.Name]++
			p.Bits, p.Bytes = max(p.Bits, c.BitsPerValue), max(p.Bytes, c.BytesPerToken)
			if c.KLD.High > p.Cost.High {
				p.Cost, p.SameTop, p.LnRatio, p.Setting = c.KLD, c.SameTop, c.LnRatio, t.Setting
			}
		}
	}
	for _, n := range names {
		if seen[n] == len(r.Tables) {
			all = append(all, *byName[n])
		}
	}
	slices.SortStableFunc(all, func(a, b Pick) int {
		return cmp.Or(cmp.Compare(a.Bits, b.Bits), cmp.Compare(a.Cost.High, b.Cost.High))
	})
	switch {
	case least == math.MaxInt:
		return nil, "no cell has been measured"
	case len(all) == 0 && least < Least:
		return nil, fmt.Sprintf("too few chunks: %d, want %d (--chunks %d)", least, Least, Least)
	case len(all) == 0:
		return nil, "no cell has been measured in every setting"
	}
	return all, ""
}
