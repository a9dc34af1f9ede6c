package lab

import (
	"context"
	"fmt"

	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/model"
)

// Variation runs the reference in another way, which should change nothing.
type Variation struct {
	Name    string
	Batch   int // 0 for that of the reference, and so for the threads
	Threads int
	Math    model.Math
	Zero    bool // the same sums in the same order: every logit must come out the same
}

// FloorRow says how far a variation is from the reference. A cache's cost below this cannot be told
// from noise.
type FloorRow struct {
	Math    string  `json:"math"` // of the reference
	Name    string  `json:"variation"`
	Mean    float64 `json:"mean_kld"` // nats per scored token
	Max     float64 `json:"max_kld"`
	SameTop float64 `json:"same_top"` // share
	Scored  int     `json:"n_scored"`
	Zero    bool    `json:"must_be_zero"`
	OK      bool    `json:"ok"` // it is zero where it must be
}

// Floor is a reference and what it is compared with.
type Floor struct {
	Model   *model.Model
	Options model.Options // of the reference; the size is set here
	Text    eval.Text
	Measure eval.Options
}

// Variations are: the reference again, other numbers of threads where the processor computes, other
// batches, and token by token. The first two compute the same sums in the same order. Small batches
// have kernels of their own, so batches and single tokens may differ.
func (f *Floor) Variations() []Variation {
	all := []Variation{{Name: "the same again", Zero: true}}
	for _, n := range []int{1, 2, 3} {
		if n != f.Options.Threads && model.OnProcessor(f.Options.Placements) {
			all = append(all, Variation{Name: "threads: " + fmt.Sprint(n), Threads: n, Zero: true})
		}
	}
	for _, n := range []int{f.Measure.Context, 64, 7} {
		all = append(all, Variation{Name: "batches of " + fmt.Sprint(n), Batch: n})
	}
	all = append(all, Variation{Name: "token by token", Batch: 1})
	for i := range all {
		all[i].Math = f.Options.Math
	}
	return all
}

// Run measures the variations, and calls progress after the reference and each of them. After an
// error there are the rows before it.
func (f *Floor) Run(ctx context.Context, vary []Variation, progress func()) ([]FloorRow, error) {
	n, err := f.Measure.Count(f.Text)
	if err != nil {
		return nil, err
	}
	ref, err := f.context(ctx, Variation{Math: f.Options.Math})
	if err != nil {
		return nil, err
	}
	defer ref.Close()
	want, err := f.hidden(ctx, ref, n)
	if err != nil {
		return nil, err
	}
	progress()
	var rows []FloorRow
	for _, v := range vary {
		row, err := f.vary(ctx, ref, want, n, v)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", v.Name, err)
		}
		rows = append(rows, row)
		progress()
	}
	return rows, nil
}

func (f *Floor) context(ctx context.Context, v Variation) (*model.Context, error) {
	o := f.Options
	o.Size, o.Math, o.Stop = f.Measure.Context, v.Math, ctx.Err
	if v.Batch > 0 {
		o.Batch = v.Batch
	}
	if v.Threads > 0 {
		o.Threads = v.Threads
	}
	return f.Model.NewContext(o)
}

// hidden is the vectors before the output matrix at all scored positions of n chunks:
// [n][scored][width].
func (f *Floor) hidden(ctx context.Context, c *model.Context, n int) ([][]float32, error) {
	size, first := f.Measure.Context, f.Measure.Context/2
	tokens := make([]int32, size)
	var all [][]float32
	for k := range n {
		copy(tokens, f.Text.Tokens[k*size:])
		if f.Text.AddBOS {
			tokens[0] = f.Text.BOS
		}
		c.Clear()
		out := make([]float32, (size-1-first)*f.Model.Width)
		for lo := 0; lo < size-1; lo += c.Batch {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			at := max(0, lo-first) * f.Model.Width
			if err := c.Hidden(out[at:], tokens[lo:min(lo+c.Batch, size-1)], max(0, first-lo)); err != nil {
				return nil, err
			}
		}
		all = append(all, out)
	}
	return all, nil
}

// vary compares a variation with the reference, each with its own output matrix product.
func (f *Floor) vary(ctx context.Context, ref *model.Context, want [][]float32, n int, v Variation) (FloorRow, error) {
	row := FloorRow{Math: f.Options.Math.String(), Name: v.Name, Zero: v.Zero}
	c, err := f.context(ctx, v)
	if err != nil {
		return row, err
	}
	defer c.Close()
	got, err := f.hidden(ctx, c, n)
	if err != nil {
		return row, err
	}
	same := 0
	width, vocab := f.Model.Width, f.Model.Vocab
	const tile = 16 // positions whose logits are held at a time
	p, q := make([]float32, tile*vocab), make([]float32, tile*vocab)
	for k := range want {
		for lo := 0; lo < len(want[k]); lo += tile * width {
			hi := min(lo+tile*width, len(want[k]))
			if err := ref.Logits(p, want[k][lo:hi]); err != nil {
				return row, err
			}
			if err := c.Logits(q, got[k][lo:hi]); err != nil {
				return row, err
			}
			for i := range (hi - lo) / width {
				a, b := p[i*vocab:][:vocab], q[i*vocab:][:vocab]
				kld := eval.KLD(a, b)
				if kld-kld != 0 { // NaN or infinite
					return row, fmt.Errorf("chunk %d: the logits are no numbers: the weights are damaged, or their values overflow", k)
				}
				row.Scored++
				row.Mean += kld
				row.Max = max(row.Max, kld)
				x, _ := topTwo(a)
				if y, _ := topTwo(b); x == y {
					same++
				}
			}
		}
	}
	row.Mean, row.SameTop = row.Mean/float64(row.Scored), float64(same)/float64(row.Scored)
	row.OK = !v.Zero || row.Mean == 0 && row.Max == 0 && same == row.Scored
	return row, nil
}
