package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/gen/codebook"
	"github.com/kvgen/kvgen/gen/spec"
)

// explain prints everything about one type that helps to understand or to reimplement it.
func explain(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("explain", stdout)
	asJSON := flags.Bool("json", false, "print one JSON array")
	var part kernelStage
	flags.StringVar(&part.kernel, "kernel", "", "print one `kernel`, as list names it: encode, decode, matmul, \"matmul on int8\" (or score), mix, mix_q8")
	flags.StringVar(&part.stage, "stage", "", stageUsage())
	flags.StringVar(&part.isa, "isa", "", "instruction `set` of ir and asm (default: the best that kernels are compiled for)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if part.kernel+part.stage+part.isa != "" {
		if err := part.check(*asJSON); err != nil {
			return err
		}
	}
	if flags.NArg() == 0 && dirs.spec == "" {
		return errors.New("name a type, or a file of types")
	}
	l, err := dirs.choose(flags.Args())
	if err != nil {
		return err
	}
	if *asJSON {
		list, err := described(l)
		if err != nil {
			return err
		}
		return printJSON(stdout, list)
	}
	for k, t := range l.set.Types {
		if k > 0 {
			fmt.Fprint(stdout, "\n\n")
		}
		if part.kernel != "" {
			if err := part.print(stdout, t); err != nil {
				return err
			}
			continue
		}
		e := explanation{w: stdout, t: t, source: l.files[t.Range.Filename]}
		e.head()
		e.layout()
		e.codes()
		e.tables()
		if err := e.codebook(); err != nil {
			return err
		}
		if err := e.audit(); err != nil {
			return err
		}
		e.transforms()
		e.programs()
	}
	return nil
}

// parseName reads the flags and the one argument of a subcommand about one type.
func parseName(set *pflag.FlagSet, args []string) (string, error) {
	if err := set.Parse(args); err != nil {
		return "", err
	}
	if set.NArg() != 1 {
		return "", fmt.Errorf("want the name of one type, not %d arguments", set.NArg())
	}
	return set.Arg(0), nil
}

// explanation writes the sections about a type. Errors of w are its owner's to notice.
type explanation struct {
	w      io.Writer
	t      *spec.Type
	source []byte // the spec file
}

func (e *explanation) printf(format string, args ...any) { fmt.Fprintf(e.w, format, args...) }

// written is the text of a place in the spec, on one line.
func (e *explanation) written(r hcl.Range) string {
	if r.End.Byte > len(e.source) || r.Start.Byte > r.End.Byte {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(e.source[r.Start.Byte:r.End.Byte])) {
		line, _, _ = strings.Cut(line, "#")
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

func (e *explanation) head() {
	t := e.t
	e.printf("%s", t.Name)
	if t.Summary != "" {
		e.printf(": %s", t.Summary)
	}
	e.printf("\n\n  %.5g bits per value: %d values in %d bytes\n", float64(8*t.Bytes)/float64(t.Block), t.Block, t.Bytes)
	e.printf("  for %s", strings.Join(uses(t), " and "))
	if t.KV {
		e.printf("; head_dim %s", strings.TrimPrefix(headRule(t), "head_dim "))
	}
	if t.Encode == nil {
		e.printf("; read only")
	}
	e.printf("\n")
	if t.ID >= 0 {
		e.printf("  number %d in GGUF files\n", t.ID)
	}
	if t.Compatible != "" {
		e.printf("  the bytes of %s\n", t.Compatible)
	}
	e.printf("  identity %s\n  declared in %s, line %d\n", t.Identity, t.File, t.Range.Start.Line)
}

// tables prints what tables hold: levels, or how many points.
func (e *explanation) tables() {
	if len(e.t.Tables) > 0 {
		e.printf("\nTables\n\n")
	}
	for _, b := range e.t.Tables {
		if b.Dim == 1 {
			e.printf("  %s: %d levels: %v\n", b.Name, len(b.Levels), b.Levels)
			continue
		}
		least, most := slices.Min(b.Levels), slices.Max(b.Levels)
		e.printf("  %s: %d points of %d values from %v to %v\n", b.Name, len(b.Levels)/b.Dim, b.Dim, least, most)
	}
}

// codebook prints the levels, and how good they are.
func (e *explanation) codebook() error {
	b := e.t.Codebook
	if b == nil {
		return nil
	}
	e.printf("\nCodebook: %d levels, %s\n\n", len(b.Levels), b.Source)
	if b.Thresholds == nil {
		e.printf("  levels by code: %v\n", b.Levels)
	} else {
		e.levels(b, e.shares())
	}
	v, err := judge(e.t)
	if err != nil {
		return err
	}
	if v == nil {
		e.printf("\n  %s\n", map[role]string{
			scales: "It holds scales that values share, so it is compared with nothing.",
			parts:  "A value is made of it in more than one step, so it is compared with nothing.",
		}[roleOf(e.t)])
		return nil
	}
	e.printf("\n  Error on %s: %.4g of the power.\n", v.Source, v.MSE)
	e.printf("  The best %d levels (Lloyd-Max) reach %.4g: this table is %.2f %% above.\n", v.Levels, v.Optimum, max(0, 100*v.Excess))
	for _, remark := range v.remarks() {
		e.printf("  %s\n", remark)
	}
	if bits := codeBits(e.t); bits > 0 {
		e.printf("  No code of %d bits per value gets below %.4g on N(0,1).\n", bits, codebook.RateBound(float64(bits)))
	}
	return nil
}

// audit prints the type's errors as audit measures them.
func (e *explanation) audit() error {
	if e.t.Encode == nil {
		return nil
	}
	row, err := auditType(e.t, defaultSamples)
	if err != nil {
		return err
	}
	e.printf("\nError of what is read back, over the power of what was written\n\n")
	e.printf("  N(0,1) %.4g, Laplace %.4g; N(3,1) %.4g of its variance; N(0,1) beside an outlier channel %.4g\n",
		*row.Gaussian, *row.Laplace, *row.Offset, *row.Outlier)
	if row.LloydMaxDB != nil {
		e.printf("  on N(0,1) %+.2f dB to Lloyd-Max\n", *row.LloydMaxDB)
	}
	if row.BoundDB != nil {
		e.printf("  on N(0,1) %+.2f dB to the rate-distortion bound\n", *row.BoundDB)
	}
	if row.lost() {
		e.printf("  Zeros would be closer: encode is no inverse of value.\n")
	}
	return nil
}

// shares is how often each code is chosen for normal values: what the encoder chooses where it
// divides by the extremum, else by the distribution function.
func (e *explanation) shares() []float64 {
	if n, _ := lookupExtremum(e.t); n > 0 {
		return shares(e.t)
	}
	b := e.t.Codebook
	_, scale := codebook.Distortion(sortedLevels(b), codebook.Gaussian())
	if size := lookupSize(e.t); size > 0 {
		scale = 1 / size
	}
	list := make([]float64, len(b.Levels))
	for c := range list {
		list[c] = 1
		if c > 0 {
			list[c] -= cumulative(scale * float64(b.Thresholds[c-1]))
		}
		if c < len(b.Thresholds) {
			list[c] -= 1 - cumulative(scale*float64(b.Thresholds[c]))
		}
	}
	return list
}

// levels prints a row per code: when it is chosen, what it stands for, and how often that is for
// normal values.
func (e *explanation) levels(b *spec.Codebook, shares []float64) {
	e.printf("  %4s  %12s  %12s  %s\n", "code", "chosen from", "level", "share of normal values")
	for c, level := range b.Levels {
		from, share := "", shares[c]
		if c > 0 {
			from = fmt.Sprintf("%.6g", b.Thresholds[c-1])
		}
		bar := strings.Repeat("█", int(share*200+0.5))
		if limit := 50; len([]rune(bar)) > limit {
			bar = strings.Repeat("█", limit-1) + "…"
		}
		e.printf("  %4d  %12s  %12.6g  %4.1f %% %s\n", c, from, level, 100*share, bar)
	}
}

// transforms prints the transform under which values are stored.
func (e *explanation) transforms() {
	d := e.t.Domain
	if d == nil {
		return
	}
	e.printf("\nStored rotated by %s: y = right * H/sqrt(%d) * left * x on every %d values\n\n", d.Name, d.Size, d.Size)
	e.printf("  left   %s\n  right  %s\n", signMask(d.Left), signMask(d.Right))
}

// signMask writes signs as words of 32, the first value in the lowest bit of the first word, 1 for
// a minus.
func signMask(signs []float32) string {
	if signs == nil {
		return "all +1"
	}
	words, minus := make([]uint32, (len(signs)+31)/32), 0
	for i, s := range signs {
		if s < 0 {
			words[i/32] |= 1 << (i % 32)
			minus++
		}
	}
	var text []string
	for _, w := range words {
		text = append(text, fmt.Sprintf("%08X", w))
	}
	return fmt.Sprintf("%s  (%d of %d are -1; bit i of word w is value 32*w + i)", strings.Join(text, " "), minus, len(signs))
}

// programs prints how a block is read and written, in the spec's words.
func (e *explanation) programs() {
	e.printf("\nRead\n\n  value = %s\n", e.written(e.t.Value.Pos()))
	if e.t.Encode == nil {
		return
	}
	e.printf("\nWrite\n\n")
	for _, a := range e.t.Encode {
		name, x, _ := strings.Cut(e.written(a.Range), "=")
		e.printf("  %-*s = %s\n", e.widest(), strings.TrimSpace(name), strings.TrimSpace(x))
	}
}

// widest is the longest name that encode assigns.
func (e *explanation) widest() int {
	w := 0
	for _, a := range e.t.Encode {
		w = max(w, len(a.Name))
	}
	return w
}
