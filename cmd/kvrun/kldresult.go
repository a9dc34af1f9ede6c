package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/cmd/internal/table"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// kldResult is the JSON of kvrun kld.
type kldResult struct {
	KLD         value             `json:"kld"` // nats per scored token
	KLDs        []percentileValue `json:"kld_percentiles"`
	DeltaP      value             `json:"delta_p"` // change of the next token's probability
	DeltaPRMS   value             `json:"delta_p_rms"`
	DeltaPs     []percentileValue `json:"delta_p_percentiles"`
	SameTop     value             `json:"same_top"` // share of positions
	PPL         value             `json:"ppl"`
	RefPPL      value             `json:"ref_ppl"`
	LnRatio     value             `json:"ln_ppl_ratio"`
	Ratio       value             `json:"ppl_ratio"`
	Difference  value             `json:"ppl_difference"`
	Correlation *float64          `json:"correlation"` // of both NLLs; null where one does not vary
	Chunks      []float64         `json:"kld_chunks"`  // mean of each
	Scored      int               `json:"n_scored"`
	Path        string            `json:"path"`      // prefill or decode
	Reference   string            `json:"reference"` // f16, f32, or the base file
	Seconds     float64           `json:"seconds"`
	Corpus      *corpusRecord     `json:"corpus,omitempty"`      // absent: that of the base file
	Interrupted bool              `json:"interrupted,omitempty"` // by Ctrl-C: of finished chunks
	Record      record            `json:"record"`
}

// value is a mean and its standard error, positions taken for independent; null where there is
// none.
type value struct {
	Mean  *float64 `json:"mean"`
	Error *float64 `json:"stderr"`
}

func valueOf(v eval.Value) value { return value{number(v.Mean), number(v.Error)} }

// number is null in JSON where there is none.
func number(x float64) *float64 {
	if x != x {
		return nil
	}
	return &x
}

type percentileValue struct {
	Percent float64 `json:"percent"`
	Value   float64 `json:"value"`
}

// percents are those of llama-perplexity, rising.
var percents = []float32{0, .1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100}

func percentilesOf(sorted []float32) (list []percentileValue) {
	for _, p := range percents {
		v := eval.Percentile(sorted, p/100)
		if p == 50 {
			v = eval.Median(sorted)
		}
		list = append(list, percentileValue{float64(int(10*p+.5)) / 10, float64(v)})
	}
	return list
}

// print prints the end of a comparison.
func (k *kld) print() error {
	if k.f.format == "llama" && k.interrupted {
		return nil // the rows say it all
	}
	if k.f.format == "llama" {
		err := eval.WriteLlama(k.e.stdout, k.all)
		fmt.Fprintln(k.e.stdout)
		return err
	}
	r := k.result()
	if k.f.format == "json" {
		return printJSON(k.e.stdout, r)
	}
	s := &k.sums
	what := "the text of " + r.Reference
	if k.corpus != nil {
		what = k.corpus.Path
	}
	fmt.Fprintf(k.e.stdout, "against %s: %d tokens in %s of %d by %s (%s, %s math)\n", r.Reference, s.Count, table.Counted(len(k.chunks), "chunk"), k.f.measure.Context, r.Path, what, k.f.kind)
	klds, deltas := eval.Sorted(k.all, func(p eval.Position) float32 { return float32(p.KLD) }), eval.Sorted(k.all, eval.Position.DeltaP)
	d, dr, t := s.DeltaP(), s.DeltaPRMS(), s.SameTopShare()
	fmt.Fprintf(k.e.stdout, "%-9s %.6f +- %.6f   median %.6f, 90 %% %.6f, 99 %% %.6f, 99.9 %% %.6f, max %.6f\n", "KLD", s.KLD().Mean, s.KLD().Error,
		eval.Median(klds), eval.Percentile(klds, .9), eval.Percentile(klds, .99), eval.Percentile(klds, .999), eval.Percentile(klds, 1))
	fmt.Fprintf(k.e.stdout, "%-9s %.3f +- %.3f %%   mean %+.3f +- %.3f %%, 1 %% %+.3f %%, 99 %% %+.3f %%\n", "delta p", 100*dr.Mean, 100*zero(dr.Error),
		100*d.Mean, 100*d.Error, 100*eval.Percentile(deltas, .01), 100*eval.Percentile(deltas, .99))
	fmt.Fprintf(k.e.stdout, "%-9s %.2f +- %.2f %%\n", "same top", 100*t.Mean, 100*t.Error)
	p, ref, l := s.PPL(), s.RefPPL(), s.LnRatio()
	_, err := fmt.Fprintf(k.e.stdout, "%-9s %.4f +- %.4f   reference %.4f +- %.4f, ln of the ratio %+.5f +- %.5f\n", "PPL", p.Mean, p.Error, ref.Mean, ref.Error, l.Mean, zero(l.Error))
	return err
}

// zero is x, or 0 where rounding left no number of an error that is none.
func zero(x float64) float64 {
	if x != x {
		return 0
	}
	return x
}

func (k *kld) result() kldResult {
	s := &k.sums
	r := kldResult{
		KLD: valueOf(s.KLD()), DeltaP: valueOf(s.DeltaP()), DeltaPRMS: valueOf(s.DeltaPRMS()), SameTop: valueOf(s.SameTopShare()),
		KLDs:    percentilesOf(eval.Sorted(k.all, func(p eval.Position) float32 { return float32(p.KLD) })),
		DeltaPs: percentilesOf(eval.Sorted(k.all, eval.Position.DeltaP)),
		PPL:     valueOf(s.PPL()), RefPPL: valueOf(s.RefPPL()), LnRatio: valueOf(s.LnRatio()), Ratio: valueOf(s.Ratio()), Difference: valueOf(s.Difference()),
		Correlation: number(s.Correlation()), Chunks: k.chunks, Scored: s.Count, Path: "prefill", Reference: "a cache of " + k.f.ref,
		Seconds: time.Since(k.started).Seconds(), Corpus: k.corpus, Interrupted: k.interrupted, Record: k.s.record(k.c),
	}
	if k.f.measure.Decode {
		r.Path = "decode"
	}
	switch {
	case k.base != nil:
		r.Reference = k.f.base
	case k.other != nil:
		r.Reference = k.other.path
	}
	return r
}

// openBase opens the base file; the caller ends with what it returns.
func (k *kld) openBase() (close func() error, err error) {
	if err := k.s.input(k.f.base); err != nil {
		return nil, err
	}
	file, err := os.Open(k.f.base)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errors.New("is a folder")
	case info.Size() == 0:
		err = errors.New("is empty")
	default:
		k.base, err = eval.OpenBase(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", k.f.base, err)
	}
	if k.base.Model == nil {
		k.s.note("the base file names no model and has no checksum, as llama-perplexity writes it: that its rows are this model's is not known")
	}
	return file.Close, nil
}

// diagnosis is the JSON of kvrun kld --diagnose.
type diagnosis struct {
	Findings  []lab.Finding `json:"findings"`
	Faults    int           `json:"faults"`
	Chunks    int           `json:"n_chunks"`
	Reference string        `json:"reference"`
	Corpus    corpusRecord  `json:"corpus"`
	Record    record        `json:"record"`
}

// uniform is the plan of a cache of one type on both sides of all layers.
func (s *session) uniform(name string) (*kv.Plan, error) {
	t := kv.Choice{Type: s.table.ByName(name)}
	return kv.NewPlan(s.KVLayers(), kv.Policy{K: t, V: t})
}

// diagnose checks every side of every layer by itself and names those whose code must be wrong.
func (k *kld) diagnose() error {
	ref, err := k.s.uniform(k.f.ref)
	if err != nil {
		return err
	}
	chunks := k.f.measure.Chunks
	if chunks == 0 {
		chunks = 1
	}
	path := lab.Prefill
	if k.f.measure.Decode {
		path = lab.Decode
	}
	task := lab.Task{Text: k.text, Setting: lab.Setting{Corpus: lab.Corpus(*k.corpus), Context: k.f.measure.Context, Path: path}}
	if k.f.format == "text" {
		k.s.describe(k.e.stderr)
	}
	var way *progress.Bar
	found, err := lab.Diagnose(k.e.ctx, k.s.Model, task, k.s.plan, lab.Options{Reference: ref, Chunks: chunks, Threads: k.f.threads, Batch: k.f.batch, Math: k.f.kind, Placements: k.f.places},
		func(p lab.Progress) {
			if way == nil {
				way = k.e.pace("diagnose", p.Steps, "a side of a layer on a chunk", "--chunks N measures the first N", "ends it")
			}
			way.To(p.Done, "")
		})
	if way != nil {
		way.Finish()
	}
	if err != nil {
		return err
	}
	d := diagnosis{Findings: found, Chunks: chunks, Reference: "a cache of " + k.f.ref, Corpus: *k.corpus, Record: k.s.record(nil)}
	for _, f := range found {
		if f.Fault != "" {
			d.Faults++
		}
	}
	if k.f.format == "json" {
		err = printJSON(k.e.stdout, d)
	} else {
		err = d.print(k.e.stdout)
	}
	if err == nil && d.Faults > 0 {
		err = refuse("%d of %d parts of the cache are faulty", d.Faults, len(found))
	}
	return err
}

func (d *diagnosis) print(w io.Writer) error {
	if len(d.Findings) == 0 {
		_, err := fmt.Fprintf(w, "nothing to check: the cache is %s everywhere\n", d.Reference)
		return err
	}
	fmt.Fprintf(w, "Each side of each layer alone, all else %s, on %s:\n", d.Reference, table.Counted(d.Chunks, "chunk"))
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "layer\tside\ttype\tKLD\tread in f32\trow error\tat most\t\t")
	for _, f := range d.Findings {
		mark := "ok"
		if f.Fault != "" {
			mark = "FAULT"
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%.3g\t%.3g\t%.3g\t%.2g\t%s\t\n", f.Layer, f.Side, f.Type, f.KLD, f.Plain, f.RowError, f.Limit, mark)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, f := range d.Findings {
		if f.Fault != "" {
			fmt.Fprintf(w, "layer %d, %s, %s: %s\n", f.Layer, f.Side, f.Type, f.Fault)
		}
	}
	return nil
}
