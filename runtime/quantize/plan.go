package quantize

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/kernels"
)

// Rule gives the tensors whose names Match finds a type of their own.
type Rule struct {
	Match *regexp.Regexp
	Type  *kernels.Type
}

// Options say what weights become.
//
// Matrices, which are the tensors of two and more dimensions whose name ends with "weight", get
// Type. What stays as it is: norms, vectors, the routers of experts, tables of positions, short
// convolutions. The output matrix, which is the embedding where there is no other, gets at least
// outputBits a value. Where rows are no whole blocks of a type, a tensor gets the next larger one
// that fits; Choice.Why says so.
type Options struct {
	Type       *kernels.Type
	Rules      []Rule        // the first that matches counts, before everything else
	Output     *kernels.Type // of the output matrix, nil for the rule above
	Embedding  *kernels.Type // of the embedding, nil for Type
	Pure       bool          // the output matrix is as all others
	Requantise bool          // weights of less than 8 bits may be read, which loses twice
}

// outputBits is what the output matrix has at least, as in llama-quantize's files.
const outputBits = 6.5

// sourceBits are what a value of a source has at least, unless Options.Requantise is set.
const sourceBits = 8

// Choice is what becomes of a tensor.
type Choice struct {
	Tensor Tensor
	Type   *kernels.Type // of the result
	Why    string        // it is not what was asked for; "" where it is
	bytes  int64         // of the result
}

// Plan is what becomes of a model.
type Plan struct {
	Choices []Choice
	Notes   []string // what is done otherwise than asked
	source  Source
	options Options
}

// kept are parts of names of matrices that are not quantised: they are small, and what they do is
// not a product that a type is made for.
var kept = []string{"_norm.weight", "ffn_gate_inp", "position_embd.", "token_types.", "ssm_conv1d.", "shortconv.conv.", "altup", "laurel",
	"per_layer_model_proj", "attn_rel_b.", "time_mix_", ".patch_embd", ".pos_embd"}

// quantised reports whether a tensor is a matrix to be quantised.
func quantised(t *Tensor) bool {
	matrix := len(t.Dims) >= 2 && t.rows() > 1 && strings.HasSuffix(t.Name, "weight") && t.Type != nil
	return matrix && !slices.ContainsFunc(kept, func(part string) bool { return strings.Contains(t.Name, part) })
}

// CanEncode reports whether weights can be written in a type: it is for weights, has a number that
// files name it by, and an encoder.
func CanEncode(t *kernels.Type) bool { return t.Weight && t.ID >= 0 && t.Best().Encode != nil }

// bits of a value.
func bits(t *kernels.Type) float64 { return float64(8*t.Bytes) / float64(t.Block) }

// larger finds the smallest type of at least so many bits whose blocks divide rows of n values. It
// is one of ggml's, so that others read it; the last of them are plain floats.
func larger(table *kernels.Table, least float64, n int) (best *kernels.Type) {
	for _, t := range table.Types() {
		if !CanEncode(t) || n%t.Block != 0 || !strings.HasPrefix(t.CompatibleWith, "ggml ") || bits(t) < least {
			continue
		}
		if best == nil || bits(t) < bits(best) {
			best = t
		}
	}
	return best
}

// NewPlan decides what becomes of each tensor.
func NewPlan(s Source, table *kernels.Table, o Options) (*Plan, error) {
	p := &Plan{source: s, options: o}
	tensors := s.Tensors()
	output := "output.weight"
	if !slices.ContainsFunc(tensors, func(t Tensor) bool { return t.Name == output }) {
		output = embedding
	}
	matched := make([]int, len(o.Rules))
	for _, t := range tensors {
		c, err := p.choose(table, t, output, matched)
		if err != nil {
			return nil, err
		}
		c.bytes = t.Size
		if c.Type != t.Type {
			c.bytes = t.rows() * int64(c.Type.RowBytes(t.columns()))
		}
		p.Choices = append(p.Choices, c)
	}
	for i, n := range matched {
		if n == 0 {
			return nil, fmt.Errorf("no matrix has a name that %q matches", o.Rules[i].Match)
		}
	}
	p.note()
	return p, nil
}

const embedding = "token_embd.weight"

// choose decides what becomes of a tensor.
func (p *Plan) choose(table *kernels.Table, t Tensor, output string, matched []int) (Choice, error) {
	o := &p.options
	c := Choice{Tensor: t, Type: t.Type}
	if !quantised(&t) {
		return c, nil
	}
	c.Type = o.Type
	asked := false
	switch {
	case t.Name == output && o.Output != nil:
		c.Type, asked = o.Output, true
	case t.Name == embedding && o.Embedding != nil:
		c.Type, asked = o.Embedding, true
	case t.Name == output && !o.Pure && bits(c.Type) < outputBits:
		c.Type = larger(table, outputBits, t.columns())
		c.Why = "the output matrix gets more bits; --pure gives it the type of the others"
	}
	for i, r := range o.Rules {
		if r.Match.MatchString(t.Name) {
			matched[i]++
			if !asked {
				c.Type, c.Why, asked = r.Type, "", true
			}
		}
	}
	if t.columns()%c.Type.Block != 0 {
		want := c.Type
		c.Type = larger(table, bits(want), t.columns())
		c.Why = fmt.Sprintf("rows of %d values are no whole blocks of %d, of %s", t.columns(), want.Block, want.Name)
	}
	if bits(t.Type) < sourceBits && c.Type != t.Type && !o.Requantise {
		return c, fmt.Errorf("tensor %s is quantised already, to %s: from less than %d bits a value it loses twice; --allow-requantize does it all the same", t.Name, t.Type.Name, sourceBits)
	}
	return c, nil
}

// note tells of choices that are not as asked, those for the same reason together.
func (p *Plan) note() {
	type key struct{ typ, why string }
	var order []key
	first, count := map[key]string{}, map[key]int{}
	for _, c := range p.Choices {
		if c.Why == "" {
			continue
		}
		k := key{c.Type.Name, c.Why}
		if count[k]++; count[k] == 1 {
			order = append(order, k)
			first[k] = c.Tensor.Name
		}
	}
	for _, k := range order {
		names := first[k]
		if n := count[k] - 1; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		p.Notes = append(p.Notes, fmt.Sprintf("%s: %s, since %s", names, k.typ, k.why))
	}
}

// Bytes is the size of all tensors as they are, and as they will be. Values is their number.
func (p *Plan) Bytes() (before, after, values int64) {
	for _, c := range p.Choices {
		before, after, values = before+c.Tensor.Size, after+c.bytes, values+c.Tensor.values()
	}
	return before, after, values
}
