package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/kvgen/kvgen/gen/codebook"
	"github.com/kvgen/kvgen/gen/interp"
	"github.com/kvgen/kvgen/gen/spec"
)

// auditRow is what audit finds out about one type. Errors are mean squared errors relative to the
// power of the input; nil stands for a type that cannot be written or that has no codes.
type auditRow struct {
	Type     string   `json:"type"`
	Bits     float64  `json:"bits_per_value"`
	Gaussian *float64 `json:"nmse_gaussian,omitempty"`
	Laplace  *float64 `json:"nmse_laplace,omitempty"`
	// of N(3,1), relative to the variance
	Offset *float64 `json:"nmse_offset,omitempty"`
	// of N(0,1) beside one channel in 64 that is 16 times as large, without that channel
	Outlier *float64 `json:"nmse_outlier,omitempty"`
	// of as many levels as the code has, on N(0,1), without block scales
	LloydMaxDB *float64 `json:"db_above_lloyd_max,omitempty"`
	// Shannon's bound on N(0,1) at this many bits, scales counted
	BoundDB  *float64 `json:"db_above_bound,omitempty"`
	Codebook *verdict `json:"codebook,omitempty"`
	// levels, magnitudes, scales or parts; the last two are not compared
	CodebookIs   string `json:"codebook_role,omitempty"`
	CompatibleTo string `json:"compatible_with,omitempty"`
}

// audit measures every type and flags codebooks that are worse than they need be.
func audit(ctx context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("audit", stdout)
	asJSON := flags.Bool("json", false, "print one JSON array instead of a table")
	samples := flags.Int("samples", defaultSamples, "values drawn from each distribution")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *samples < 1 || *samples > 1<<24 {
		return fmt.Errorf("--samples %d: allowed are 1 to %d", *samples, 1<<24)
	}
	l, err := dirs.choose(flags.Args())
	if err != nil {
		return err
	}
	rows, err := measure(ctx, l.set, *samples)
	if err != nil {
		return err
	}
	if *asJSON {
		err = printJSON(stdout, rows)
	} else {
		err = writeAudit(stdout, rows, *samples)
	}
	if err == nil {
		err = ctx.Err() // what was measured is printed
	}
	if err != nil {
		return err
	}
	var undeclared, lost []string
	for _, r := range rows {
		if r.Codebook != nil && r.Codebook.Flagged && r.CompatibleTo == "" {
			undeclared = append(undeclared, r.Type)
		}
		if r.lost() {
			lost = append(lost, r.Type)
		}
	}
	var found []string
	if len(undeclared) > 0 {
		found = append(found, fmt.Sprintf("%s: a codebook more than %g %% above its optimum, and no compatible_with that says why",
			strings.Join(undeclared, ", "), 100*tolerance))
	}
	if len(lost) > 0 {
		found = append(found, fmt.Sprintf("%s: what is read back is further from what was written than zeros are: encode is no inverse of value",
			strings.Join(lost, ", ")))
	}
	if len(found) > 0 {
		return finding(strings.Join(found, "\n"))
	}
	return nil
}

// farOff is how many dB above Lloyd-Max a type may be before it is pointed out. Evenly spaced
// levels between the extremes of a block of 256 are 4 dB above at 4 bits.
const farOff = 10

// lost reports whether storing nothing would lose less than the type does.
func (r auditRow) lost() bool { return r.Gaussian != nil && !(*r.Gaussian < 1) }

// measure audits the types of a set, in its order. When ctx is done the types that were not begun
// are left out.
func measure(ctx context.Context, set *spec.Set, samples int) ([]auditRow, error) {
	rows, errs := make([]auditRow, len(set.Types)), make([]error, len(set.Types))
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k, t := range set.Types {
		group.Go(func() {
			slots <- struct{}{}
			if ctx.Err() == nil {
				rows[k], errs[k] = auditType(t, samples)
			}
			<-slots
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	rows = slices.DeleteFunc(rows, func(r auditRow) bool { return r.Type == "" })
	if len(rows) == 0 {
		return nil, ctx.Err()
	}
	return rows, nil
}

func auditType(t *spec.Type, samples int) (auditRow, error) {
	row := auditRow{Type: t.Name, Bits: float64(8*t.Bytes) / float64(t.Block), CompatibleTo: t.Compatible}
	if t.Codebook != nil {
		row.CodebookIs = roleOf(t).String()
	}
	var err error
	if row.Codebook, err = judge(t); err != nil || t.Encode == nil {
		return row, err
	}
	n := (samples + t.Block - 1) / t.Block * t.Block
	gaussian, laplace := draw(n, (*rand.Rand).NormFloat64), draw(n, laplaceFloat64)
	row.Gaussian, row.Laplace = nmse(t, gaussian), nmse(t, laplace)
	row.Offset, row.Outlier = offsetError(t, gaussian), outlierError(t, gaussian)
	if len(t.Codes) > 0 && *row.Gaussian > 0 {
		row.BoundDB = decibels(*row.Gaussian / codebook.RateBound(row.Bits))
	}
	if bits := codeBits(t); bits > 0 && *row.Gaussian > 0 {
		optimum, err := lloydMax(1<<bits, codebook.Gaussian())
		if err != nil {
			return row, err
		}
		row.LloydMaxDB = decibels(*row.Gaussian / optimum)
	}
	return row, nil
}

// defaultSamples is how many values are drawn from each distribution.
const defaultSamples = 1 << 16

// nmse writes and reads x and returns the squared error over the squared input.
func nmse(t *spec.Type, x []float32) *float64 {
	return errorOf(t, x, 0, func(int) bool { return true })
}

// offsetError is that of N(3,1): keys of many models have channels that are far from 0.
func offsetError(t *spec.Type, gaussian []float32) *float64 {
	const offset = 3
	x := make([]float32, len(gaussian))
	for i, v := range gaussian {
		x[i] = v + offset
	}
	return errorOf(t, x, offset, func(int) bool { return true })
}

// outlierError is that of ordinary channels beside one of every 64 that is 16 times as large, as
// keys have them.
func outlierError(t *spec.Type, gaussian []float32) *float64 {
	const every, times, at = 64, 16, 5
	x := make([]float32, len(gaussian))
	for i, v := range gaussian {
		if x[i] = v; i%every == at {
			x[i] = times * v
		}
	}
	return errorOf(t, x, 0, func(i int) bool { return i%every != at })
}

// errorOf writes and reads x and returns the squared error over the squared distance from mean, of
// the values that count.
func errorOf(t *spec.Type, x []float32, mean float64, counts func(int) bool) *float64 {
	packed, y := make([]byte, len(x)/t.Block*t.Bytes), make([]float32, len(x))
	f := interp.Format(t)
	f.Encode(packed, x)
	f.Restore(y, packed)
	var errors, power float64
	for i, v := range x {
		if counts(i) {
			e, d := float64(v)-float64(y[i]), float64(v)-mean
			errors += e * e
			power += d * d
		}
	}
	ratio := round6(errors / power)
	return &ratio
}

// draw returns n values of a distribution, the same every time.
func draw(n int, from func(*rand.Rand) float64) []float32 {
	r, x := rand.New(rand.NewPCG(1, 2)), make([]float32, n)
	for i := range x {
		x[i] = float32(from(r))
	}
	return x
}

// laplaceFloat64 is a value of the two-sided exponential distribution of variance 1.
func laplaceFloat64(r *rand.Rand) float64 {
	return math.Copysign(r.ExpFloat64()/math.Sqrt2, r.Float64()-0.5)
}

// codeBits is the width of the codes that every value has of its own; 0 for a type without one, and
// for one whose values are points of a grid. Codes that values share are scales.
func codeBits(t *spec.Type) int {
	if t.Codebook != nil && roleOf(t) == parts {
		return 0
	}
	bits := 0
	for _, c := range t.Codes {
		if c.Group == 1 {
			bits += c.Bits
		}
	}
	return min(bits, 8) // beyond, the codebook solver has no table and the comparison no use
}

func decibels(ratio float64) *float64 {
	db := math.Round(1e4*10*math.Log10(ratio)) / 1e4
	return &db
}

// writeAudit prints the table, then a line for each flag.
func writeAudit(w io.Writer, rows []auditRow, samples int) error {
	fmt.Fprintf(w, "Squared error relative to the power of %d values of N(0,1), and of a Laplace distribution.\n", samples)
	fmt.Fprintf(w, "Lloyd-Max: the best codebook with as many levels on N(0,1); it has no block scales, so a type can be below it.\n")
	fmt.Fprintf(w, "Bound: 4^-bits, which no code of as many bits can beat on N(0,1).\n")
	fmt.Fprintf(w, "Keys are less kind. Offset: N(3,1), the error over the variance. Outlier: N(0,1) beside one channel in 64 that is 16 times\n")
	fmt.Fprintf(w, "as large, the error of the others.\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tbits\tN(0,1)\tLaplace\toffset\toutlier\tto Lloyd-Max\tto bound\tcodebook\t")
	for _, r := range rows {
		book := ""
		if v := r.Codebook; v != nil {
			book = fmt.Sprintf("%+.1f %%", 100*v.Excess)
			if v.Flagged {
				book = "! " + book
			}
		} else if r.CodebookIs != "" {
			book = r.CodebookIs
		}
		fmt.Fprintf(table, "%s\t%.4g\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Type, r.Bits, text("%.3g", r.Gaussian), text("%.3g", r.Laplace),
			text("%.3g", r.Offset), text("%.3g", r.Outlier),
			text("%+.2f dB", r.LloydMaxDB), text("%+.2f dB", r.BoundDB), book)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.lost() {
			fmt.Fprintf(w, "\n! %s: the error is %.3g of the power; zeros would be off by 1. Its encode is no inverse of its value.\n", r.Type, *r.Gaussian)
		} else if r.LloydMaxDB != nil && *r.LloydMaxDB > farOff {
			fmt.Fprintf(w, "\n! %s: %.1f dB above Lloyd-Max is more than a plain grid of as many levels loses: does every code fit its bits?\n", r.Type, *r.LloydMaxDB)
		}
		v := r.Codebook
		if v == nil || !v.Flagged {
			continue
		}
		fmt.Fprintf(w, "\n! %s: the codebook's error is %.3g where the best %d levels reach %.3g on %s: %+.0f %%.\n",
			r.Type, v.MSE, v.Levels, v.Optimum, v.Source, 100*v.Excess)
		for _, remark := range v.remarks() {
			fmt.Fprintf(w, "  %s\n", remark)
		}
		if r.CompatibleTo != "" {
			fmt.Fprintf(w, "  Kept as it is to be compatible with %s.\n", r.CompatibleTo)
		}
	}
	return nil
}

// text formats a figure that may be missing.
func text(format string, v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
