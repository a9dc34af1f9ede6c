package report

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
)

// verdict is the result in sentences, the first one the headline.
func verdict(in Input) []string {
	words := []string{headline(in.Advice)}
	if len(in.Result.Tables) == 0 {
		return []string{"Nothing has been measured."}
	}
	t := &in.Result.Tables[0]
	cells := cellsOf(t)
	if best := front(cells); len(best) > 1 {
		a, b := best[0], best[len(best)-1]
		words = append(words, fmt.Sprintf("From %s at %s bits per value to %s at %s, the divergence from the %s cache goes from %s down to %s nats per token.", a.Name,
			bits(a.BitsPerValue), b.Name, bits(b.BitsPerValue), in.Result.Reference, number(a.KLD.Mean), number(b.KLD.Mean)))
	}
	if n := in.Result.BudgetContext; n > 0 {
		words = append(words, fmt.Sprintf("Bits are those in a context of %d positions, where exact rows weigh less than in the chunks of %d that were measured; the divergence is that of the chunks.", n, t.Context))
	}
	for _, w := range swapsOf(t) {
		if s := sides(w); s != "" {
			words = append(words, "With one side of one layer as "+w.Type+" at a time: "+lower(s))
		}
	}
	words = append(words, rotationWords(t, cells)...)
	return append(words, chance(t)...)
}

// headline is the advice in one sentence.
func headline(a lab.Advice) string {
	if len(a.Picks) == 0 {
		return upper(a.Because) + "."
	}
	var parts []string
	for i := 0; i < len(a.Picks); {
		k := i + 1 // the levels from i on that the same cell keeps
		for k < len(a.Picks) && a.Picks[k].Cell == a.Picks[i].Cell {
			k++
		}
		if a.Picks[i].Cell != "" {
			levels := a.Picks[i].Name
			for _, p := range a.Picks[i+1 : k] {
				levels += " and " + p.Name
			}
			parts = append(parts, a.Picks[i].Cell+" to be "+levels)
		}
		i = k
	}
	if parts == nil {
		p := a.Picks[len(a.Picks)-1]
		return fmt.Sprintf("No cache that was measured is good enough: the best, %s, costs %s nats per token.", p.Closest, number(p.Cost.Mean))
	}
	return "Take " + strings.Join(parts, ", ") + "."
}

// rotationWords says how often rotation made the same types better or worse.
func rotationWords(t *lab.Table, cells []*lab.CellResult) []string {
	types := map[string]string{}
	kind := map[string]int{}
	for _, c := range cells {
		types[c.Name] = bare(c)
		kind[c.Name] = rotationOf(c)
	}
	helps, hurts, same := 0, 0, 0
	for _, x := range t.Comparisons {
		a, b := kind[x.A], kind[x.B]
		if types[x.A] == "" || types[x.A] != types[x.B] || (a == rotNone) == (b == rotNone) {
			continue
		}
		switch {
		case !x.Beats:
			same++
		case b == rotNone:
			helps++
		default:
			hurts++
		}
	}
	n := helps + hurts + same
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Rotation against none, same types: better in %d of %s, worse in %d, no difference that could not be chance in %d.", helps,
		count(n, "comparison"), hurts, same)}
}

// bare is a cell's plan in its first layer, rotations apart.
func bare(c *lab.CellResult) string {
	if len(c.Plan.Layers) == 0 {
		return ""
	}
	l := c.Plan.Layers[0]
	k, _, offset := l.K.Parts()
	v, _, _ := l.V.Parts()
	return fmt.Sprint(k, "-", offset, "/", v, "@", l.First, "+", l.Last)
}

// chance says which part of the order of cells is certain, and where perplexity would order them
// otherwise.
func chance(t *lab.Table) (words []string) {
	decided, denied := 0, 0
	for _, c := range t.Comparisons {
		if c.Beats {
			decided++
		}
		if c.PPLDenies {
			denied++
		}
	}
	if n := len(t.Comparisons); n > 0 {
		words = append(words, fmt.Sprintf("Of %s of caches, %d are decided with %s; more chunks decide more.", count(n, "pair"), decided, count(t.Chunks, "chunk")))
	}
	if denied > 0 {
		words = append(words, fmt.Sprintf("Perplexity puts %s of them the wrong way round; the table marks the caches concerned.", count(denied, "pair")))
	}
	return words
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
