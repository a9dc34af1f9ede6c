package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/synth"
)

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

// synthCommand writes a model with random weights.
func synthCommand(e *environment, args []string) error {
	var s synth.Shape
	var out, typ, outputType string
	var json, force bool
	var specs specFlags
	fs := newFlags("synth")
	fs.StringVarP(&out, "out", "o", "", "`file` to write")
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
	fs.StringVar(&typ, "type", "q8_0", "`type` of the matrices: "+strings.Join(policy.TypeNames(kernels.Default(), encodable), " "))
	specs.add(fs)
	fs.StringVar(&outputType, "output-type", "", "`type` of embedding and output (default: --type)")
	fs.Uint64Var(&s.Seed, "seed", 1, "`number` that makes the weights repeatable")
	forceFlag(fs, &force)
	fs.BoolVar(&json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "--out FILE [flags]", args); err != nil {
		return err
	}
	switch {
	case out == "" && fs.NArg() == 1:
		out = fs.Arg(0)
	case out == "" || fs.NArg() > 0:
		return errors.New("want --out FILE, and nothing that is no flag")
	}
	err := specs.extend(e)
	if err != nil {
		return err
	}
	if s.Type, err = weightType(e.kernels(), "--type", typ); err != nil {
		return err
	}
	if outputType != "" {
		if s.Output, err = weightType(e.kernels(), "--output-type", outputType); err != nil {
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
	if err := s.Check(); err != nil {
		return err
	}
	file, err := e.files.Create(output.Request{Flag: "--out", Path: out, Kind: output.Model, Force: force})
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
			way.to(int(done/unit), "")
		})
	})
	way.finish()
	if err != nil {
		return err
	}
	to := e.beside(file.IsStdout())
	if json {
		return printJSON(to, synthResult{out, s.Arch, s.Type.Name, s.Output.Name, s.Bytes(), s.Parameters(), s.Seed})
	}
	_, err = fmt.Fprintf(to, "%s: %s of %s parameters, %s, %.1f MiB, seed %d\n", out, s.Arch, short(float64(s.Parameters())), s.Type.Name,
		float64(s.Bytes())/(1<<20), s.Seed)
	return err
}

// encodable are the types that weights can be written in.
func encodable(t *kernels.Type) bool { return t.Weight && t.ID >= 0 && t.Best().Encode != nil }

// weightType finds the type that a flag names. One without an encoder is found too: Check refuses it by name.
func weightType(table *kernels.Table, flag, name string) (*kernels.Type, error) {
	if t := policy.TypeNamed(table, name, func(t *kernels.Type) bool { return t.Weight && t.ID >= 0 }); t != nil {
		return t, nil
	}
	names := policy.TypeNames(table, encodable)
	if t := policy.TypeNamed(table, name, func(t *kernels.Type) bool { return t.Weight && t.ID < 0 }); t != nil {
		return nil, fmt.Errorf("%s: %s has no id, by which a GGUF file names the types of its tensors: add id = NUMBER to its spec", flag, t.Name)
	}
	return nil, fmt.Errorf("%s: no weight type %q%s; types: %s", flag, name, suggest.Nearest(name, names), strings.Join(names, " "))
}
