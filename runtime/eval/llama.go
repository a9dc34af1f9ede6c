package eval

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteLlamaHead writes the line above those of WriteLlamaChunk.
func WriteLlamaHead(w io.Writer) error {
	_, err := io.WriteString(w, "chunk             PPL               ln(PPL(Q)/PPL(base))          KL Divergence              Δp RMS            Same top p\n")
	return err
}

// WriteLlamaChunk writes what llama-perplexity --kl-divergence prints after a chunk, counted from
// 1, s being of all so far.
func WriteLlamaChunk(w io.Writer, chunk int, s *Sums) error {
	percent := func(v Value) Value { return Value{100 * v.Mean, 100 * v.Error} }
	p, l, k, d, t := s.PPL(), s.LnRatio(), s.KLD(), percent(s.DeltaPRMS()), percent(s.SameTopShare())
	return printf(w, "%4d    %9.4f ± %9.4f    %10.5f ± %10.5f    %10.5f ± %10.5f    %6.3f ± %6.3f %%    %6.3f ± %6.3f %%\n",
		chunk, p.Mean, p.Error, l.Mean, l.Error, k.Mean, k.Error, d.Mean, d.Error, t.Mean, t.Error)
}

// WriteLlama writes what llama-perplexity --kl-divergence prints at the end. As there, nothing but
// an empty line comes of fewer than 100 positions.
func WriteLlama(w io.Writer, all []Position) error {
	var s Sums
	for _, p := range all {
		s.Add(p)
	}
	if err := printf(w, "\n"); err != nil || s.Count < 100 {
		return err
	}
	pair := func(name string, v Value) error { return printf(w, "%s: %10.6f ± %10.6f\n", name, v.Mean, v.Error) }
	err := printf(w, "====== Perplexity statistics ======\n")
	for _, l := range []struct {
		name string
		v    Value
	}{{"Mean PPL(Q)                   ", s.PPL()}, {"Mean PPL(base)                ", s.RefPPL()}, {"", Value{}},
		{"Mean ln(PPL(Q)/PPL(base))     ", s.LnRatio()}, {"Mean PPL(Q)/PPL(base)         ", s.Ratio()}, {"Mean PPL(Q)-PPL(base)         ", s.Difference()}} {
		switch {
		case err != nil:
			return err
		case l.name == "":
			err = printf(w, "Cor(ln(PPL(Q)), ln(PPL(base))): %6.2f%%\n", 100*s.Correlation())
		default:
			err = pair(l.name, l.v)
		}
	}
	if err != nil {
		return err
	}
	if err := printf(w, "\n====== KL divergence statistics ======\n"); err != nil {
		return err
	}
	if err := pair("Mean    KLD", s.KLD()); err != nil {
		return err
	}
	klds := Sorted(all, func(p Position) float32 { return float32(p.KLD) })
	for _, f := range percentiles {
		if f.kld == "" {
			continue
		}
		if err := printf(w, "%s KLD: %10.6f\n", f.kld, float64(f.of(klds))); err != nil {
			return err
		}
	}
	d := s.DeltaP()
	if err := printf(w, "\n====== Token probability statistics ======\nMean    Δp: %6.3f ± %5.3f %%\n", 100*d.Mean, 100*d.Error); err != nil {
		return err
	}
	deltas := Sorted(all, Position.DeltaP)
	for _, f := range percentiles {
		if err := printf(w, "%s Δp: %6.3f%%\n", f.deltaP, 100*float64(f.of(deltas))); err != nil {
			return err
		}
	}
	r, t := s.DeltaPRMS(), s.SameTopShare()
	return printf(w, "RMS Δp    : %6.3f ± %5.3f %%\nSame top p: %6.3f ± %5.3f %%\n", 100*r.Mean, 100*r.Error, 100*t.Mean, 100*t.Error)
}

// percentiles in the order of the text; names without KLD are of Δp alone.
var percentiles = []struct {
	kld, deltaP string
	of          func(sorted []float32) float32
}{
	{"Maximum", "Maximum", at(1)}, {"99.9%  ", "99.9%  ", at(.999)}, {"99.0%  ", "99.0%  ", at(.99)}, {"95.0%  ", "95.0%  ", at(.95)},
	{"90.0%  ", "90.0%  ", at(.9)}, {"", "75.0%  ", at(.75)}, {"Median ", "Median ", Median}, {"", "25.0%  ", at(.25)},
	{"10.0%  ", "10.0%  ", at(.1)}, {" 5.0%  ", " 5.0%  ", at(.05)}, {" 1.0%  ", " 1.0%  ", at(.01)}, {" 0.1%  ", " 0.1%  ", at(.001)},
	{"Minimum", "Minimum", at(0)},
}

func at(fraction float32) func([]float32) float32 {
	return func(sorted []float32) float32 { return Percentile(sorted, fraction) }
}

// printf is fmt.Fprintf, with NaN spelled as C does on amd64, where it comes out negative.
func printf(w io.Writer, format string, args ...any) error {
	for i, a := range args {
		if f, ok := a.(float64); ok && math.IsNaN(f) {
			args[i] = nan{}
		}
	}
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// nan prints as "-nan" in the width asked for.
type nan struct{}

func (nan) Format(s fmt.State, _ rune) {
	text := "-nan"
	if width, ok := s.Width(); ok && width > len(text) {
		text = strings.Repeat(" ", width-len(text)) + text
	}
	io.WriteString(s, text)
}
