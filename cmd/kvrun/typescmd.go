package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/synth"
)

// shortContext is the context that kvrun types counts the cache of, beside the model's own.
const shortContext = 4096

// cacheTypeRow is a type that a cache can have. What depends on a model is left out where none is
// given.
type cacheTypeRow struct {
	Name      string   `json:"name"`
	Summary   string   `json:"summary"`
	Bits      float64  `json:"bits_per_value"` // padding counted where there is a model
	Block     int      `json:"block"`          // values
	Bytes     int      `json:"block_bytes"`
	Pads      bool     `json:"pads"`
	Fits      *bool    `json:"fits,omitempty"`
	Why       string   `json:"why,omitempty"` // it does not
	Rotations []string `json:"rotations"`     // that it can be stored under
	Short     int      `json:"bytes_4096,omitempty"`
	Full      int      `json:"bytes_full,omitempty"` // at the context of the model's training
}

// typesCommand lists the types of the cache, and what they take for a model.
func typesCommand(e *environment, args []string) error {
	var m modelFlags
	fs := newFlags("types")
	fs.StringVarP(&m.model, "model", "m", "", "`path` of a GGUF file whose cache is counted")
	m.specFlags.add(fs)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "[MODEL] [flags]", args); err != nil {
		return err
	}
	defaults := newFlags("defaults")
	var whole modelFlags
	whole.add(defaults, model.Fast)
	whole.model, whole.specFlags, whole.json = m.model, m.specFlags, m.json
	if err := whole.check(e, fs.Args()); err != nil {
		return err
	}
	if whole.model == "" {
		return printTypes(e.stdout, typeRows(e.kernels(), nil), nil, whole.json)
	}
	s, err := e.open(&whole)
	if err != nil {
		return err
	}
	defer s.Close()
	return printTypes(e.stdout, typeRows(s.table, s), s, whole.json)
}

// typeRows describes all types of the cache, for a model where s is one.
func typeRows(table *kernels.Table, s *session) (rows []cacheTypeRow) {
	for _, t := range table.Types() {
		if !t.KV {
			continue
		}
		r := cacheTypeRow{Name: t.Name, Summary: t.Summary, Bits: 8 * float64(t.Bytes) / float64(t.Block), Block: t.Block, Bytes: t.Bytes, Pads: t.Pad}
		plan := func(rotation *kernels.Rotation) (*kv.Plan, error) {
			c := kv.Choice{Type: t, Rotation: rotation}
			return kv.NewPlan(s.KVLayers(), kv.Policy{K: c, V: c})
		}
		if s != nil {
			p, err := plan(nil)
			fits := err == nil
			if r.Fits = &fits; fits {
				r.Bits, r.Short, r.Full = p.BitsPerValue(0), p.Bytes(min(shortContext, s.Context), defaultBatch), p.Bytes(s.Context, defaultBatch)
			} else {
				r.Why = misfit(t, s.KVLayers())
			}
		}
		for _, rotation := range table.Rotations() {
			possible := t.Quantised
			if s != nil {
				_, err := plan(rotation)
				possible = err == nil
			}
			if possible {
				r.Rotations = append(r.Rotations, rotation.Name)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// misfit is the rule by which heads do not fit a type, of the first layer that breaks it.
func misfit(t *kernels.Type, layers []kv.Layer) string {
	for _, l := range layers {
		for _, dim := range []int{l.KeyDim, l.ValueDim} {
			if err := t.Fits(dim); err != nil {
				return strings.TrimPrefix(err.Error(), t.Name+": ")
			}
		}
	}
	return "only read"
}

func printTypes(w io.Writer, rows []cacheTypeRow, s *session, asJSON bool) error {
	if asJSON {
		return printJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s == nil {
		fmt.Fprintln(t, "type\tbits/value\tblock\trotation\t")
	} else {
		fmt.Fprintf(t, "type\tbits/value\tblock\trotation\tMiB at %d\t", min(shortContext, s.Context))
		if s.Context > shortContext {
			fmt.Fprintf(t, "at %d\t", s.Context)
		}
		fmt.Fprintln(t)
	}
	for _, r := range rows {
		rotation := "no"
		if len(r.Rotations) > 0 {
			rotation = "yes"
		}
		fmt.Fprintf(t, "%s\t%.3f\t%d\t%s\t", r.Name, r.Bits, r.Block, rotation)
		switch {
		case s == nil && r.Pads:
			fmt.Fprint(t, "pads heads to whole blocks")
		case r.Why != "":
			fmt.Fprintf(t, "does not fit\t%s", r.Why)
		case s != nil:
			fmt.Fprintf(t, "%.1f\t", float64(r.Short)/(1<<20))
			if s.Context > shortContext {
				fmt.Fprintf(t, "%.1f\t", float64(r.Full)/(1<<20))
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	note := "A head must be whole blocks. With a model, kvrun types MODEL says what fits and what the cache takes; kvrun help cache helps to choose.\n"
	if s != nil {
		note = "Both sides of all layers in the type, padding counted. kvrun help cache helps to choose.\n"
	}
	_, err := fmt.Fprint(w, "\n"+note)
	return err
}

// cachePage is kvrun help cache: one screen, 80 columns.
const cachePage = `I have a model and little memory. What do I type?

  -ctk q8_0 -ctv q8_0      half of f16; little is lost on most models
  -ctk q8_0 -ctv lm4_64    40 %: keys are the delicate side
  -ctk lm4_64 -ctv lm4_64 --k-offset mean --keep-first 4 --keep-last 32
                           28 %; once before: kvrun calibrate MODEL
  --cache auto             what kvrun tune found for the model, else 8 bits for
                           keys, 5 for values and exact ends

What does it take?

  kvrun types MODEL        MiB of every type at 4096 positions and at all
  kvrun info MODEL -c 0    the whole context, with the types of its flags

A head must be whole blocks: lm4_64 is for heads of 64, 128 and so on. The turbo types pad heads instead.

Is it good enough?

  kvrun kld MODEL -f TEXT --chunks 16 -ctk TYPE -ctv TYPE
                           how far predictions move: a mean below 0.01 nats is
                           little, one above 0.1 is much
  kvrun sweep MODEL -f TEXT --chunks 16 --report page.html
                           many caches side by side, and which to take
  kvrun tune MODEL --budget 4.5bpv
                           the best type per layer and side within a budget

What makes a small cache better?

  --k-offset bias|mean     a constant is taken out of the keys and its score
                           added back: models with biased keys need it (Qwen2)
  --keep-first, --keep-last
                           the first and last rows stay f16: try 4 and 32
  --rot-k on, --rot-v on   rotations spread outliers; they help q4_0 on many
                           models, and turbo types have one of their own
  --policy FILE            all of that per layer and side

kvrun sweep --emit llama.cpp (or fork, ik, ollama) spells a cache for other programs. Figures: docs/study.md; how they are measured: docs/measuring.md.
`

// synthResult is the JSON of kvrun synth.
type synthResult struct {
	Out        string `json:"out"`
	Arch       string `json:"arch"`
	Type       string `json:"type"`
	Output     string `json:"output_type"`
	Size       int64  `json:"size"` // bytes of the tensors
	Parameters int64  `json:"n_params"`
	Seed       uint64 `json:"seed"`
}

// synthFlags are those of kvrun synth.
type synthFlags struct {
	specFlags
	shape           synth.Shape
	out             string
	typ, outputType string
	json, force     bool
}

func (f *synthFlags) add(fs *pflag.FlagSet) {
	s := &f.shape
	fs.StringVarP(&f.out, "out", "o", "", "`file` to write")
	fs.StringVar(&s.Arch, "arch", "llama", "`family`: "+strings.Join(synth.Architectures(), ", "))
	fs.IntVar(&s.Layers, "layers", 0, "`number` of layers (default 4)")
	fs.IntVar(&s.Width, "embd", 0, "`values` of the residual stream (default 256)")
	fs.IntVar(&s.Heads, "heads", 0, "query `heads` (default: width / head size)")
	fs.IntVar(&s.KVHeads, "kv-heads", 0, "KV `heads` (default: as many)")
	fs.IntVar(&s.HeadDim, "head-dim", 0, "`values` of a head (default 64)")
	fs.IntVar(&s.Inner, "ff", 0, "`rows` of the feed-forward network or of each expert (default 3 x width)")
	fs.IntVar(&s.Experts, "experts", 0, "`number` of experts, where the family has them (default 8)")
	fs.IntVar(&s.Used, "experts-used", 0, "`number` of experts that a token uses (default 2)")
	fs.IntVar(&s.Vocab, "vocab", 0, "`tokens` (default 2048); 1536 and more can spell text")
	fs.IntVarP(&s.Context, "ctx-size", "c", 0, "`positions` (default 4096)")
	fs.IntVar(&s.Window, "window", 0, "`positions` of a sliding window, where the family has one (default 512)")
	fs.BoolVar(&s.Untied, "untied", false, "an output matrix beside the embedding")
	fs.StringVar(&f.typ, "type", "q8_0", "`type` of the matrices: "+strings.Join(policy.TypeNames(kernels.Default(), quantize.CanEncode), " "))
	f.specFlags.add(fs)
	fs.StringVar(&f.outputType, "output-type", "", "`type` of embedding and output (default: --type)")
	fs.Uint64Var(&s.Seed, "seed", 1, "`number` that makes the weights repeatable")
	forceFlag(fs, &f.force)
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
}

// check reads them, args being what was no flag.
func (f *synthFlags) check(e *environment, args []string) error {
	switch {
	case f.out == "" && len(args) == 1:
		f.out = args[0]
	case f.out == "" || len(args) > 0:
		return errors.New("want --out FILE, and nothing that is no flag")
	}
	err := f.extend(e)
	if err != nil {
		return err
	}
	s := &f.shape
	if s.Type, err = weightType(e.kernels(), "--type", f.typ); err != nil {
		return err
	}
	if f.outputType != "" {
		if s.Output, err = weightType(e.kernels(), "--output-type", f.outputType); err != nil {
			return err
		}
	}
	if s.Window != 0 && !synth.Slides(s.Arch) {
		return refuse("--window %d: %s models have no sliding window", s.Window, s.Arch)
	}
	if (s.Experts != 0 || s.Used != 0) && !synth.HasExperts(s.Arch) {
		return refuse("--experts, --experts-used: %s models have no experts", s.Arch)
	}
	s.Fill()
	return s.Check()
}

// synthCommand writes a model of a given shape with random weights.
func synthCommand(e *environment, args []string) error {
	var f synthFlags
	fs := newFlags("synth")
	f.add(fs)
	if err := e.parse(fs, "--out FILE [flags]", args); err != nil {
		return err
	}
	if err := f.check(e, fs.Args()); err != nil {
		return err
	}
	s, out := &f.shape, f.out
	file, err := e.files.Create(output.Request{Flag: "--out", Path: out, Kind: output.Model, Force: f.force})
	if err != nil {
		return err
	}
	defer file.Close()
	const unit = 1 << 16 // values per step of the bar
	way := e.pace("synth", int(s.Parameters()/unit)+1, fmt.Sprintf("%d weights", unit), "", "ends it and leaves no file")
	done := int64(0)
	err = file.Fill(func(w io.Writer) error {
		return s.Write(e.ctx, w, func(n int64) {
			done += n
			way.To(int(done/unit), "")
		})
	})
	way.Finish()
	if err != nil {
		return err
	}
	to := e.beside(file.IsStdout())
	if f.json {
		return printJSON(to, synthResult{out, s.Arch, s.Type.Name, s.Output.Name, s.Bytes(), s.Parameters(), s.Seed})
	}
	_, err = fmt.Fprintf(to, "%s: %s of %s parameters, %s, %.1f MiB, seed %d\n", out, s.Arch, short(float64(s.Parameters())), s.Type.Name,
		float64(s.Bytes())/(1<<20), s.Seed)
	return err
}

// weightType finds the type that a flag names. One without an encoder is found too, and Check
// refuses it by name.
func weightType(table *kernels.Table, flag, name string) (*kernels.Type, error) {
	if t := policy.TypeNamed(table, name, func(t *kernels.Type) bool { return t.Weight && t.ID >= 0 }); t != nil {
		return t, nil
	}
	names := policy.TypeNames(table, quantize.CanEncode)
	if t := policy.TypeNamed(table, name, func(t *kernels.Type) bool { return t.Weight && t.ID < 0 }); t != nil {
		return nil, fmt.Errorf("%s: %s has no id, by which a GGUF file names the types of its tensors: add id = NUMBER to its spec", flag, t.Name)
	}
	return nil, fmt.Errorf("%s: no weight type %q%s; types: %s", flag, name, suggest.Nearest(name, names), strings.Join(names, " "))
}
