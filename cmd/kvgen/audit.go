package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/kvgen/kvgen/gen/codebook"
	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/kernels/ref/interp"
)

// auditRow is what audit finds out about one type. Errors are mean squared errors relative to the power of the input; nil
// stands for a type that cannot be written or that has no codes.
type auditRow struct {
	Type         string   `json:"type"`
	Bits         float64  `json:"bits_per_value"`
	Gaussian     *float64 `json:"nmse_gaussian,omitempty"`
	Laplace      *float64 `json:"nmse_laplace,omitempty"`
	LloydMaxDB   *float64 `json:"db_above_lloyd_max,omitempty"` // of as many levels as the code has, on N(0,1), without block scales
	BoundDB      *float64 `json:"db_above_bound,omitempty"`     // Shannon's bound on N(0,1) at this many bits, scales counted
	Codebook     *verdict `json:"codebook,omitempty"`
	CompatibleTo string   `json:"compatible_with,omitempty"`
}

// audit measures every type and flags codebooks that are worse than they need be.
func audit(stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("audit", stdout)
	asJSON := flags.Bool("json", false, "print one JSON array instead of a table")
	samples := flags.Int("samples", 1<<16, "values drawn from each distribution")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *samples < 1 || *samples > 1<<24 {
		return fmt.Errorf("--samples %d: allowed are 1 to %d", *samples, 1<<24)
	}
	set, err := dirs.load()
	if err != nil {
		return err
	}
	rows, err := measure(set, *samples)
	if err != nil {
		return err
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(rows)
	} else {
		err = writeAudit(stdout, rows, *samples)
	}
	if err != nil {
		return err
	}
	var undeclared []string
	for _, r := range rows {
		if r.Codebook != nil && r.Codebook.Flagged && r.CompatibleTo == "" {
			undeclared = append(undeclared, r.Type)
		}
	}
	if len(undeclared) > 0 {
		return finding(fmt.Sprintf("%s: a codebook more than %g %% above its optimum, and no compatible_with that says why",
			strings.Join(undeclared, ", "), 100*tolerance))
	}
	return nil
}

// measure audits the types of a set, in its order.
func measure(set *spec.Set, samples int) ([]auditRow, error) {
	rows, errs := make([]auditRow, len(set.Types)), make([]error, len(set.Types))
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k, t := range set.Types {
		group.Go(func() {
			slots <- struct{}{}
			rows[k], errs[k] = auditType(t, samples)
			<-slots
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func auditType(t *spec.Type, samples int) (auditRow, error) {
	row := auditRow{Type: t.Name, Bits: float64(8*t.Bytes) / float64(t.Block), CompatibleTo: t.Compatible}
	var err error
	if row.Codebook, err = judge(t); err != nil || t.Encode == nil {
		return row, err
	}
	n := (samples + t.Block - 1) / t.Block * t.Block
	gaussian, laplace := draw(n, (*rand.Rand).NormFloat64), draw(n, laplaceFloat64)
	row.Gaussian, row.Laplace = nmse(t, gaussian), nmse(t, laplace)
	if bits := codeBits(t); bits > 0 && *row.Gaussian > 0 {
		optimum, err := lloydMax(1<<bits, codebook.Gaussian())
		if err != nil {
			return row, err
		}
		row.LloydMaxDB = decibels(*row.Gaussian / optimum)
		row.BoundDB = decibels(*row.Gaussian / codebook.RateBound(row.Bits))
	}
	return row, nil
}

// nmse writes and reads x and returns the squared error over the squared input.
func nmse(t *spec.Type, x []float32) *float64 {
	packed, y := make([]byte, len(x)/t.Block*t.Bytes), make([]float32, len(x))
	f := interp.Format(t)
	f.Encode(packed, x)
	f.Restore(y, packed)
	var errors, power float64
	for i, v := range x {
		e := float64(v) - float64(y[i])
		errors += e * e
		power += float64(v) * float64(v)
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

// codeBits is the width of the code that every value has; 0 for a type without one. Codes that values share are scales.
func codeBits(t *spec.Type) int {
	bits := 0
	for _, c := range t.Codes {
		if c.Group == 1 {
			bits = max(bits, c.Bits)
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
	fmt.Fprintf(w, "Bound: 4^-bits, which no code of as many bits can beat on N(0,1).\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tbits\tN(0,1)\tLaplace\tto Lloyd-Max\tto bound\tcodebook\t")
	for _, r := range rows {
		book := ""
		if v := r.Codebook; v != nil {
			book = fmt.Sprintf("%+.1f %%", 100*v.Excess)
			if v.Flagged {
				book = "! " + book
			}
		}
		fmt.Fprintf(table, "%s\t%.4g\t%s\t%s\t%s\t%s\t%s\t\n", r.Type, r.Bits, text("%.3g", r.Gaussian), text("%.3g", r.Laplace),
			text("%+.2f dB", r.LloydMaxDB), text("%+.2f dB", r.BoundDB), book)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
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
