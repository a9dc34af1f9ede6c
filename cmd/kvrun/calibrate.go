package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/offset"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// calibrateResult is the JSON of kvrun calibrate.
type calibrateResult struct {
	Out     string        `json:"out"`
	Model   modelRecord   `json:"model"`
	Corpus  offset.Corpus `json:"corpus"`
	Tokens  int           `json:"n_tokens"`
	Skipped int           `json:"n_skipped"`
	Values  string        `json:"values_sha256"`
	Largest []float64     `json:"largest_mean"` // by KV layer, root of the mean square of the head with the largest
	Seconds float64       `json:"seconds"`
}

// calibrateCommand measures the mean of the keys over one text and writes the file that --k-offset mean reads.
func calibrateCommand(e *environment, args []string) error {
	var m modelFlags
	var path, out string
	var force bool
	fs := newFlags("calibrate")
	fs.StringVarP(&m.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	fs.StringVarP(&path, "file", "f", "", fmt.Sprintf("`file` of text, of which the first %d tokens are run; - is the standard input (default: the embedded corpus)", offset.Tokens))
	fs.StringVarP(&out, "out", "o", "", "`file` to write; - is the standard output (default: beside the model, where --k-offset mean looks)")
	fs.IntVarP(&m.threads, "threads", "t", 0, "`number` of threads (default: one per core)")
	fs.StringVar(&m.isa, "isa", "", "instruction `set` of the kernels (default: KVRUN_ISA, else the best)")
	forceFlag(fs, &force)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "[MODEL] [flags]", args); err != nil {
		return err
	}
	m.math, m.flash, m.typeK, m.typeV, m.tokenizer = model.Exact.String(), "on", "f16", "f16", tokenizer.Own.String()
	if err := m.check(e, fs.Args()); err != nil {
		return err
	}
	if out == "" {
		if m.model == "" {
			return fmt.Errorf("the embedded model has no place beside it: --out FILE says where to write")
		}
		out = offset.Path(m.model)
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	text, corpus, err := s.corpus(e, path)
	if err != nil {
		return err
	}
	n := min(offset.Tokens, s.Context)
	if len(text.Tokens) < n {
		return fmt.Errorf("%s: the text has %d tokens: %d are needed", corpus.Path, len(text.Tokens), n)
	}
	file, err := e.files.Create(output.Request{Flag: "--out", Path: out, Kind: output.Offset, Force: force})
	if err != nil {
		return err
	}
	defer file.Close()
	start := time.Now()
	f, err := offset.Measure(e.ctx, s.Model, text.Tokens[:n], m.threads)
	if err != nil {
		return err
	}
	f.Corpus = offset.Corpus{Name: corpus.Path, Bytes: corpus.Bytes, SHA256: corpus.SHA256}
	failed := file.Fill(func(w io.Writer) error { return f.Write(w) })
	r := calibrateResult{out, s.modelRecord(), f.Corpus, f.Tokens, f.Skipped, f.Values, nil, time.Since(start).Seconds()}
	for i, l := range s.KVLayers() {
		r.Largest = append(r.Largest, largestHead(l, f.Layers[i].Mean))
	}
	to := e.beside(file.IsStdout())
	if m.json {
		return errors.Join(failed, printJSON(to, r))
	}
	if failed != nil {
		out = "not written"
	}
	_, err = fmt.Fprintf(to, "%s: the mean of the keys of %d layers over %d tokens of %s, without the first %d (%.1f s)\n",
		out, len(f.Layers), f.Tokens, f.Corpus.Name, f.Skipped, r.Seconds)
	return errors.Join(failed, err)
}

// largestHead is the root mean square of the mean of the head where that is largest.
func largestHead(l kv.Layer, mean []float32) (most float64) {
	for h := range l.Heads {
		sum := 0.0
		for _, v := range mean[h*l.KeyDim:][:l.KeyDim] {
			sum += float64(v) * float64(v)
		}
		most = max(most, math.Sqrt(sum/float64(l.KeyDim)))
	}
	return most
}
