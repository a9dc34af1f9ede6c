package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/offset"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// logitsResult is the JSON of kvrun logits.
type logitsResult struct {
	Out    string `json:"out"`
	Tokens int    `json:"n_tokens"`
	First  int    `json:"first_position"`
	Rows   int    `json:"rows"`
	Vocab  int    `json:"n_vocab"`
	Path   string `json:"path"` // prefill or decode
	Record record `json:"record"`
}

// logitsCommand writes the logits of given tokens, little-endian f32, one row of the vocabulary per
// position.
func logitsCommand(e *environment, args []string) error {
	var m modelFlags
	var tokensPath, out string
	var decode, force bool
	var last int
	fs := newFlags("logits")
	fs.StringVar(&tokensPath, "tokens", "", "`file` of token ids, separated by spaces, commas or lines; - is the standard input")
	fs.StringVarP(&out, "out", "o", "", "`file` to write; - is the standard output")
	fs.BoolVar(&decode, "decode", false, "run token by token instead of as one prompt")
	fs.IntVar(&last, "last", 0, "write the last `N` positions only (default: all)")
	forceFlag(fs, &force)
	m.add(fs, model.Exact)
	var text string
	s, err := e.begin(fs, "[MODEL] --tokens FILE --out FILE [flags]", args, &m, nil, func() (err error) {
		if tokensPath == "" || out == "" {
			return fmt.Errorf("--tokens and --out are both needed")
		}
		text, err = e.readText(tokensPath)
		return err
	})
	if err != nil {
		return err
	}
	defer s.Close()
	tokens, err := tokenIDs(tokensPath, text, s.Vocab)
	if err != nil {
		return err
	}
	if last < 0 || last > len(tokens) {
		return fmt.Errorf("--last %d: there are %d tokens", last, len(tokens))
	}
	first := len(tokens) - last
	if last == 0 {
		first = 0
	}
	file, err := e.files.Create(output.Request{Flag: "--out", Path: out, Kind: output.Logits, Force: force})
	if err != nil {
		return err
	}
	defer file.Close()
	c, err := s.start(max(m.size, len(tokens)))
	if err != nil {
		return err
	}
	defer c.Close()
	result := logitsResult{Out: out, Tokens: len(tokens), First: first, Rows: len(tokens) - first, Vocab: s.Vocab, Path: "prefill", Record: s.record(c)}
	if decode {
		result.Path = "decode"
	}
	run := prefill
	if decode {
		run = tokenByToken
	}
	if err := file.Fill(func(w io.Writer) error { return run(e.ctx, c, tokens, first, rowsTo(w, s.Vocab)) }); err != nil {
		return err
	}
	switch {
	case m.json && !file.IsStdout():
		return printJSON(e.stdout, result)
	case m.json:
		return printJSON(e.stderr, result)
	}
	s.describe(e.stderr)
	fmt.Fprintf(e.stderr, "%s: %d rows of %d logits, positions %d-%d, by %s\n", out, result.Rows, s.Vocab, first, len(tokens)-1, result.Path)
	return nil
}

// rowsTo writes each row of logits as little-endian f32.
func rowsTo(w io.Writer, vocab int) func(int, []float32) error {
	row := make([]byte, 4*vocab)
	return func(_ int, l []float32) error {
		for i, v := range l {
			binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(v))
		}
		_, err := w.Write(row)
		return err
	}
}

// tokenByToken visits the logits of the tokens from number from on, each run by itself.
func tokenByToken(ctx context.Context, c *model.Context, tokens []int32, from int, visit func(int, []float32) error) error {
	for i, t := range tokens {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := c.Decode(t)
		if err != nil {
			return err
		}
		if i >= from {
			if err := visit(i, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// tokenIDs reads ids below vocab.
func tokenIDs(path, text string, vocab int) ([]int32, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if len(fields) == 0 {
		return nil, fmt.Errorf("%s: no token ids", path)
	}
	ids := make([]int32, len(fields))
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 || n >= vocab {
			return nil, fmt.Errorf("%s: token %d is %.40s: want a number from 0 to %d", path, i, f, vocab-1)
		}
		ids[i] = int32(n)
	}
	return ids, nil
}

// calibrateResult is the JSON of kvrun calibrate.
type calibrateResult struct {
	Out     string        `json:"out"`
	Model   modelRecord   `json:"model"`
	Corpus  offset.Corpus `json:"corpus"`
	Tokens  int           `json:"n_tokens"`
	Skipped int           `json:"n_skipped"`
	Values  string        `json:"values_sha256"`
	Largest []float64     `json:"largest_mean"` // by KV layer, the largest RMS of a head
	Seconds float64       `json:"seconds"`
}

// calibrateCommand measures the mean of the keys over one text and writes the file that --k-offset
// mean reads.
func calibrateCommand(e *environment, args []string) error {
	var m modelFlags
	var path, out string
	var force bool
	fs := newFlags("calibrate")
	fs.StringVarP(&m.model, "model", "m", "", "`path` of a GGUF file (default: the embedded model)")
	fs.StringVarP(&path, "file", "f", "", fmt.Sprintf("`file` of text, of which the first %d tokens are run; - is the standard input (default: the embedded corpus)", offset.Tokens))
	fs.StringVarP(&out, "out", "o", "", "`file` to write; - is the standard output (default: beside the model, where --k-offset mean looks)")
	fs.IntVarP(&m.threads, "threads", "t", 0, "`number` of threads (default: one per core, on Macs per performance core)")
	fs.StringVar(&m.isa, "isa", "", "instruction `set` of the kernels (default: KVRUN_ISA, else the best)")
	forceFlag(fs, &force)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	s, err := e.begin(fs, "[MODEL] [flags]", args, &m, func() error {
		m.math, m.flash, m.typeK, m.typeV, m.tokenizer = model.Exact.String(), "on", "f16", "f16", tokenizer.Own.String()
		return nil
	}, func() error {
		switch {
		case out == "" && m.model == "":
			return fmt.Errorf("the embedded model has no place beside it: --out FILE says where to write")
		case out == "":
			out = offset.Path(m.model)
		}
		return nil
	})
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
