package lab

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// Tuner finds the policy of least KLD within a budget of storage, type by layer and side.
//
// Measuring all policies is out of reach. So it measures their parts, on little text: every
// candidate on one side of all layers, one candidate (the probe) on each side of each layer alone,
// and the choices of exact ends. The loss of a policy is predicted as the sum over layers and sides
// of
//
//	probe's loss there * candidate's loss on all layers / probe's loss on all layers
//
// times the share that exact rows leave of it. Small losses behave like that. The policies with the
// least predicted loss are then measured, beside the best ones with equal layers, on more text and
// on texts that took no part in the choice. The answer is the best as measured, even if its layers
// are equal.
type Tuner struct {
	Model   *model.Model
	K, V    []kv.Choice // candidates; those that do not fit a layer are left out there
	Ends    []kv.Ends   // candidates, the zero value among them for none
	Budget  float64     // bits per value in a context of Size positions, everything counted
	Size    int         // 0 for the context of Place
	Task    Task        // where sensitivities are measured
	Checks  []Task      // other texts, for the verification alone
	Few     int         // chunks of Place for sensitivities
	Many    int         // chunks of every task for the verification
	Rivals  []Cell      // to be measured beside the rest in the verification
	Options Options     // Chunks is not used

	layers  []kv.Layer
	journal *Journal
	observe func(Progress)
}

// Tuned is what a Tuner found.
type Tuned struct {
	Policy  kv.Policy
	Best    string  // cell of Policy in Tables
	Uniform string  // the best cell with all layers equal that keeps the budget
	Layers  []Loss  // predicted, by layer
	Result  *Result // the verification: a table for Place and for each of Checks
	Guesses []Guess // of the verified cells, as far as they were predicted
}

// Loss is what the probe adds to the KLD in one layer alone, nats per token.
type Loss struct {
	Layer int     `json:"layer"` // of the model
	K     float64 `json:"k"`
	V     float64 `json:"v"`
}

// Guess is a policy that was predicted, and what was predicted of it.
type Guess struct {
	Name   string    `json:"name"`
	Bits   float64   `json:"bits_per_value"`
	KLD    float64   `json:"predicted_kld"`
	Policy kv.Policy `json:"-"`
	plan   *kv.Plan
}

// Run measures, chooses and verifies. Everything goes through the journal, so a run that was
// interrupted continues.
func (t *Tuner) Run(ctx context.Context, j *Journal, observe func(Progress)) (*Tuned, error) {
	t.layers, t.journal, t.observe = t.Model.KVLayers(), j, observe
	if len(t.layers) == 0 {
		return nil, fmt.Errorf("the model has no layer with a cache: nothing can be tuned")
	}
	if t.Size == 0 {
		t.Size = t.Task.Context
	}
	if len(t.Ends) == 0 {
		t.Ends = []kv.Ends{{}}
	}
	if least := t.least(); least > t.Budget { // known before the first token
		return nil, fmt.Errorf("no policy of these candidates keeps within %.4g bits per value in a context of %d: the least takes %.4g", t.Budget, t.Size, least)
	}
	m, err := t.sense(ctx)
	if err != nil {
		return nil, err
	}
	mixed, uniform := m.mixed(), m.uniform()
	if len(mixed) == 0 {
		return nil, fmt.Errorf("no policy of these candidates keeps within %.4g bits per value in a context of %d", t.Budget, t.Size)
	}
	return t.verify(ctx, m, mixed, uniform)
}

// verify measures the best guesses on all tasks.
func (t *Tuner) verify(ctx context.Context, m *measured, mixed, uniform []Guess) (*Tuned, error) {
	const each = 3 // guesses of each kind that are worth measuring
	out := &Tuned{Layers: m.losses}
	out.Guesses = append(slices.Clone(mixed[:min(each, len(mixed))]), uniform[:min(each, len(uniform))]...)
	cells := slices.Clone(t.Rivals)
	for _, g := range out.Guesses {
		cells = append(cells, Cell{Name: g.Name, Plan: g.plan})
	}
	o := t.Options
	o.Chunks = t.Many
	var err error
	if out.Result, err = Run(ctx, t.Model, append([]Task{t.Task}, t.Checks...), cells, o, t.journal, t.observe); err != nil {
		return nil, err
	}
	table := &out.Result.Tables[0]
	best := math.Inf(1)
	for _, g := range out.Guesses {
		if k := table.Cell(g.Name).KLD.Mean; k < best {
			best, out.Best, out.Policy = k, g.Name, g.Policy
		}
	}
	best = math.Inf(1)
	for _, g := range uniform[:min(each, len(uniform))] {
		if k := table.Cell(g.Name).KLD.Mean; k < best {
			best, out.Uniform = k, g.Name
		}
	}
	for _, c := range t.Rivals {
		if k := table.Cell(c.Name).KLD.Mean; k < best && c.Plan.BitsPerValue(t.Size) <= t.Budget {
			best, out.Uniform = k, c.Name
		}
	}
	return out, nil
}

// Cell is the result of a cell by name, nil for none.
func (t *Table) Cell(name string) *CellResult {
	if i := slices.IndexFunc(t.Cells, func(c CellResult) bool { return c.Name == name }); i >= 0 {
		return &t.Cells[i]
	}
	return nil
}

// first is the mean KLD of a cell over the first n chunks, even if the journal holds more.
func (c *CellResult) first(n int) float64 {
	sum, count := 0.0, 0
	for i, k := range c.Chunk {
		if k < n {
			sum += c.PerChunk[i]
			count++
		}
	}
	return sum / float64(count)
}

// measured is what the prediction needs.
type measured struct {
	t *Tuner
	// [side][candidate] loss of the candidate on that side of all layers, NaN where it fits none
	whole  [2][]float64
	probe  [2]int       // candidate that was tried layer by layer
	single [2][]float64 // [side][layer] loss of the probe there alone
	ends   []float64    // [ends] share of the loss that is left
	losses []Loss
}

// candidates of a side.
func (t *Tuner) candidates(side int) []kv.Choice { return [2][]kv.Choice{t.K, t.V}[side] }

var sides = [2]string{"K", "V"}

// sense measures what the prediction needs.
func (t *Tuner) sense(ctx context.Context) (*measured, error) {
	m := &measured{t: t}
	var cells []Cell
	var into []*float64
	add := func(to *float64, name string, s *Swap, p kv.Policy) {
		if plan, err := kv.NewPlan(t.layers, p); err == nil {
			cells, into = append(cells, Cell{Name: name, Plan: plan, Swap: s}), append(into, to)
		} else {
			*to = math.NaN()
		}
	}
	measure := func() error {
		o := t.Options
		o.Chunks = t.Few
		r, err := Run(ctx, t.Model, []Task{t.Task}, cells, o, t.journal, t.observe)
		if err != nil {
			return err
		}
		for i, c := range cells {
			*into[i] = r.Tables[0].Cell(c.Name).first(t.Few)
		}
		cells, into = nil, nil
		return nil
	}
	for s := range sides {
		m.whole[s] = make([]float64, len(t.candidates(s)))
		for i, c := range t.candidates(s) {
			add(&m.whole[s][i], fmt.Sprintf("%s %s", sides[s], c), nil, t.policy(s, c))
		}
	}
	if err := measure(); err != nil {
		return nil, err
	}
	for s := range sides {
		if m.probe[s] = probe(m.whole[s]); m.probe[s] < 0 {
			return nil, fmt.Errorf("no candidate for %s fits the model's layers", sides[s])
		}
		m.single[s] = make([]float64, len(t.layers))
		c := t.candidates(s)[m.probe[s]]
		for l, layer := range t.layers {
			add(&m.single[s][l], fmt.Sprintf("layer %d %s %s", layer.Index, sides[s], c),
				&Swap{Layer: layer.Index, Side: sides[s], Type: c.String()}, t.swap(s, l, c))
		}
	}
	m.ends = make([]float64, len(t.Ends))
	for i, e := range t.Ends {
		p := kv.Policy{K: t.K[m.probe[0]], V: t.V[m.probe[1]], Ends: e}
		add(&m.ends[i], fmt.Sprintf("%s/%s%s", p.K, p.V, endsName(e)), nil, p)
	}
	if err := measure(); err != nil {
		return nil, err
	}
	plain := 0.0
	for i, e := range t.Ends {
		if e == (kv.Ends{}) {
			plain = m.ends[i]
		}
	}
	for i := range m.ends {
		m.ends[i] /= cmp.Or(plain, m.ends[0])
	}
	for l, layer := range t.layers {
		m.losses = append(m.losses, Loss{layer.Index, m.single[0][l], m.single[1][l]})
	}
	return m, nil
}

// policy returns the reference with one side of all layers stored as c.
func (t *Tuner) policy(side int, c kv.Choice) kv.Policy {
	p := t.reference()
	if side == 0 {
		p.K = c
	} else {
		p.V = c
	}
	return p
}

// swap returns the reference with one side of KV layer l stored as c.
func (t *Tuner) swap(side, l int, c kv.Choice) kv.Policy {
	p := t.reference()
	own := [2]kv.Choice{p.K, p.V}
	own[side] = c
	p.Layers = map[int][2]kv.Choice{l: own}
	return p
}

func (t *Tuner) reference() kv.Policy {
	l := t.Options.Reference.Layers[0]
	return kv.Policy{K: l.K.Effective, V: l.V.Effective}
}

// endsName is how a cell names the rows that stay exact.
func endsName(e kv.Ends) string {
	if e == (kv.Ends{}) {
		return ""
	}
	return fmt.Sprintf(", exact %d+%d", e.First, e.Last)
}

// probe picks the candidate whose loss is nearest to .03: large beside measurement error, and small
// enough that losses add up. It returns -1 if none was measured.
func probe(losses []float64) int {
	best, distance := -1, math.Inf(1)
	for i, l := range losses {
		if d := math.Abs(math.Log(max(l, 1e-9) / .03)); !math.IsNaN(l) && d < distance {
			best, distance = i, d
		}
	}
	return best
}
