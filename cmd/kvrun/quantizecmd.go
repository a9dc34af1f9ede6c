package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/cmd/internal/progress"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/quantize"
	"github.com/kvgen/kvgen/runtime/quantize/hf"
)

// quantizeFlags are the flags of kvrun quantize.
type quantizeFlags struct {
	specFlags
	overrides               overrideFlags
	in, out                 string
	typ, output, embedding  string
	rules                   []string
	pure, requantize, force bool
	threads                 int
	json, verbose           bool
}

// quantizeResult is its JSON.
type quantizeResult struct {
	Out     string           `json:"out"`
	Type    string           `json:"type"`
	Values  int64            `json:"values"`
	Before  int64            `json:"bytes_before"` // of the tensors
	After   int64            `json:"bytes"`
	Bits    float64          `json:"bits_per_value"`
	Seconds float64          `json:"seconds"`
	Rate    float64          `json:"values_per_second"` // of what this run made
	Tensors []quantizeTensor `json:"tensors"`
	Notes   []string         `json:"notes,omitempty"`
}

type quantizeTensor struct {
	Name string  `json:"name"`
	Dims []int64 `json:"shape"` // innermost first
	From string  `json:"from"`
	To   string  `json:"to"`
	Why  string  `json:"why,omitempty"`
}

func (f *quantizeFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.typ, "type", "", "`type` of the weights: "+strings.Join(policy.TypeNames(kernels.Default(), quantize.CanEncode), " "))
	fs.StringArrayVar(&f.rules, "tensor", nil, "`regexp=type` of matrices whose names the expression finds, such as ffn_down=q8_0; may be given again, the first that matches counts")
	fs.StringVar(&f.output, "output-tensor-type", "", "`type` of the output matrix (default: --type, or the smallest of at least 6.5 bits)")
	fs.StringVar(&f.embedding, "token-embedding-type", "", "`type` of the embedding (default: --type)")
	fs.BoolVar(&f.pure, "pure", false, "give the output matrix the type of the others")
	fs.BoolVar(&f.requantize, "allow-requantize", false, "read weights of less than 8 bits, which loses twice")
	f.specFlags.add(fs)
	f.overrides.add(fs)
	fs.IntVarP(&f.threads, "threads", "t", 0, "`number` of threads (default: one per core, on Macs per performance core)")
	forceFlag(fs, &f.force)
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "print what becomes of each tensor")
}

// check reads them, args being what was no flag.
func (f *quantizeFlags) check(e *environment, args []string) (o quantize.Options, err error) {
	if len(args) == 3 && f.typ == "" {
		f.typ, args = args[2], args[:2] // as llama-quantize has it
	}
	switch {
	case len(args) != 2:
		return o, fmt.Errorf("want the model to read and the file to write, and have %d names", len(args))
	case f.typ == "":
		return o, errors.New("--type is missing: it names the type of the weights")
	case f.threads < 0 || f.threads > 512:
		return o, fmt.Errorf("--threads %d: want 0 to 512", f.threads)
	}
	if f.threads == 0 {
		f.threads = cpu.Threads()
	}
	f.in, f.out = args[0], args[1]
	if err := f.extend(e); err != nil {
		return o, err
	}
	o.Pure, o.Requantise = f.pure, f.requantize
	for _, t := range []struct {
		flag, name string
		to         **kernels.Type
	}{{"--type", f.typ, &o.Type}, {"--output-tensor-type", f.output, &o.Output}, {"--token-embedding-type", f.embedding, &o.Embedding}} {
		if t.name == "" {
			continue
		}
		if *t.to, err = encodedType(e.kernels(), t.flag, t.name); err != nil {
			return o, err
		}
	}
	for _, r := range f.rules {
		at := strings.LastIndexByte(r, '=')
		if at < 1 {
			return o, fmt.Errorf("--tensor %.80q: want regexp=type, such as ffn_down=q8_0", r)
		}
		rule := quantize.Rule{}
		if rule.Match, err = regexp.Compile(r[:at]); err != nil {
			return o, fmt.Errorf("--tensor %.80q: %w", r, err)
		}
		if rule.Type, err = encodedType(e.kernels(), fmt.Sprintf("--tensor %.80q", r), r[at+1:]); err != nil {
			return o, err
		}
		o.Rules = append(o.Rules, rule)
	}
	return o, nil
}

// encodedType is a type that weights can be written in.
func encodedType(table *kernels.Table, flag, name string) (*kernels.Type, error) {
	t, err := weightType(table, flag, name)
	if err == nil && !quantize.CanEncode(t) {
		err = refuse("%s: %s can be read here, and not written: its text has no encoder; types: %s", flag, t.Name, strings.Join(policy.TypeNames(table, quantize.CanEncode), " "))
	}
	return t, err
}

// quantizeCommand writes a model with its weights in other types.
func quantizeCommand(e *environment, args []string) error {
	var f quantizeFlags
	fs := newFlags("quantize")
	f.add(fs)
	if err := e.parse(fs, "IN OUT --type TYPE [flags]", args); err != nil {
		return err
	}
	o, err := f.check(e, fs.Args())
	if err != nil {
		return err
	}
	if err := f.reads(e); err != nil {
		return err
	}
	request, err := f.outputs(e)
	if err != nil {
		return err
	}
	source, err := f.source(e)
	if err != nil {
		return err
	}
	defer source.Close()
	plan, err := quantize.NewPlan(source, e.kernels(), o)
	if err != nil {
		return refuse("%s: %w", f.in, err)
	}
	for _, n := range plan.Notes {
		fmt.Fprintln(e.stderr, "note:", n)
	}
	made, seconds, err := f.write(e, plan)
	if err != nil {
		return f.failed(request, err)
	}
	return f.print(e, plan, made, seconds)
}

// outputs checks that the result may be written, and the files that it grows in.
func (f *quantizeFlags) outputs(e *environment) (output.Request, error) {
	request := output.Request{Flag: "OUT", Path: f.out, Kind: output.Model, Force: f.force}
	if err := e.files.Check(request); err != nil {
		return request, err
	}
	if to, err := filepath.EvalSymlinks(f.out); err == nil {
		f.out = to
	}
	for _, path := range []string{quantize.Part(f.out), quantize.Journal(f.out)} {
		// whether it is of an earlier run is seen when it is opened
		any := output.NewKind("a part of a model", func(string) bool { return true })
		if err := e.files.Check(output.Request{Path: path, Kind: any, Update: true}); err != nil {
			return request, err
		}
	}
	return request, nil
}

// reads says which files are read, so that none of them is written.
func (f *quantizeFlags) reads(e *environment) error {
	if !hf.IsFolder(f.in) {
		return e.readsModel(f.in)
	}
	files, err := os.ReadDir(f.in)
	for _, file := range files {
		if err == nil {
			err = e.files.Input("", filepath.Join(f.in, file.Name()))
		}
	}
	return err
}

// opened is a source that is closed when it is done with.
type opened interface {
	quantize.Source
	Close() error
}

// source opens the model to read: a folder of Hugging Face's, or a GGUF file.
func (f *quantizeFlags) source(e *environment) (opened, error) {
	if hf.IsFolder(f.in) {
		if len(f.overrides.list) > 0 {
			return nil, refuse("--override-kv is for GGUF files, and %s is a folder; give it with the file that comes of it", f.in)
		}
		s, err := hf.Open(f.in, e.kernels())
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	file, err := gguf.Open(f.in, model.TypeSize(e.kernels()))
	if err != nil {
		return nil, noModel(f.in, err)
	}
	if err = f.overrides.apply(file, e.stderr); err == nil {
		var s *quantize.File
		if s, err = quantize.NewFile(file, e.kernels()); err == nil {
			return fileSource{s, file}, nil
		}
		err = fmt.Errorf("%s: %w", f.in, err)
	}
	file.Close()
	return nil, err
}

// fileSource is a GGUF file that is closed with its source.
type fileSource struct {
	*quantize.File
	io.Closer
}

// write writes the file and returns how many values it made in how many seconds.
func (f *quantizeFlags) write(e *environment, plan *quantize.Plan) (made int64, seconds float64, err error) {
	const unit = 1 << 20 // values per step of the bar
	_, _, values := plan.Bytes()
	way := e.pace("quantize", int(values/unit)+1, fmt.Sprintf("%d weights", unit), "", "keeps what is done: the same line goes on with it")
	defer way.Finish()
	var done, kept atomic.Int64
	began := time.Now()
	err = plan.Write(e.ctx, f.out, f.threads, quantize.Progress{
		Kept: func(n int64) { kept.Store(n); done.Add(n) },
		Done: func(n int64) { way.To(int(done.Add(n)/unit), "") },
		Note: func(format string, args ...any) {
			way.Above(func() error { _, err := fmt.Fprintf(e.stderr, "note: "+format+"\n", args...); return err })
		},
	})
	return done.Load() - kept.Load(), time.Since(began).Seconds(), err
}

// failed says what became of the file.
func (f *quantizeFlags) failed(r output.Request, err error) error {
	part := quantize.Part(f.out)
	switch {
	case errors.Is(err, context.Canceled):
		return interrupted{fmt.Sprintf("what is done is in %s: the same line goes on with it", part)}
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("cannot write %s: the disk is full; what is done is in %s, and the same line goes on with it", f.out, part)
	}
	return r.Cannot(err)
}

func (f *quantizeFlags) print(e *environment, plan *quantize.Plan, made int64, seconds float64) error {
	r := quantizeResult{Out: f.out, Type: f.typ, Notes: plan.Notes, Seconds: seconds, Rate: float64(made) / seconds}
	r.Before, r.After, r.Values = plan.Bytes()
	r.Bits = 8 * float64(r.After) / float64(max(1, r.Values))
	for _, c := range plan.Choices {
		t := quantizeTensor{Name: c.Tensor.Name, Dims: c.Tensor.Dims, From: c.Tensor.Type.Name, To: c.Type.Name, Why: c.Why}
		r.Tensors = append(r.Tensors, t)
		if f.verbose && !f.json {
			fmt.Fprintf(e.stdout, "%-32s %-20v %s -> %s\n", t.Name, t.Dims, t.From, t.To)
		}
	}
	if f.json {
		return printJSON(e.stdout, r)
	}
	_, err := fmt.Fprintf(e.stdout, "%s: %s of parameters, %.1f MiB -> %.1f MiB, %.3f bits per value, %s, %s values a second on %d threads\n", f.out, short(float64(r.Values)),
		float64(r.Before)/(1<<20), float64(r.After)/(1<<20), r.Bits, progress.Duration(time.Duration(seconds*float64(time.Second))), short(r.Rate), f.threads)
	return err
}
