package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/state"
)

// pplResult is the JSON of kvrun ppl.
type pplResult struct {
	PPL     float64   `json:"ppl"`
	Error   float64   `json:"ppl_stderr"`
	NLL     float64   `json:"nll"` // nats per scored token
	Chunks  int       `json:"n_chunks"`
	Scored  int       `json:"n_scored"`
	Path    string    `json:"path"`    // prefill or decode
	Running []float64 `json:"running"` // PPL after each chunk
	Seconds float64   `json:"seconds"`

	Interrupted bool `json:"interrupted,omitempty"` // by Ctrl-C, so that it is of the chunks that were finished

	Corpus corpusRecord `json:"corpus"`
	Record record       `json:"record"`
}

// corpusRecord identifies a text.
type corpusRecord struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Tokens int    `json:"n_tokens"`
	IDs    string `json:"tokens_sum"` // checksum of them
}

// newCorpus describes a text and what it was cut into.
func newCorpus(path, text string, tokens []int32) corpusRecord {
	sum, ids := sha256.Sum256([]byte(text)), make([]byte, 0, 4*len(tokens))
	for _, id := range tokens {
		ids = binary.LittleEndian.AppendUint32(ids, uint32(id))
	}
	return corpusRecord{path, len(text), hex.EncodeToString(sum[:]), len(tokens), state.SumOf(ids)}
}

// pplCommand measures perplexity on a text.
func pplCommand(e *environment, args []string) error {
	var m modelFlags
	var path, format string
	var o eval.Options
	fs := newFlags("ppl")
	fs.StringVarP(&path, "file", "f", "", "`text` to measure on; - is the standard input (default: the embedded corpus)")
	fs.IntVar(&o.Chunks, "chunks", 0, "measure the first `N` chunks only (default, and -1: all)")
	fs.BoolVar(&o.Decode, "decode", false, "run token by token instead of in batches")
	fs.StringVar(&format, "format", "text", "`form` of the output: text, llama (as llama-perplexity prints it) or json")
	m.add(fs, model.Exact)
	if err := e.parse(fs, "[MODEL] [-f FILE] [flags]", args); err != nil {
		return err
	}
	if m.json {
		format = "json"
	}
	switch {
	case format != "text" && format != "llama" && format != "json":
		return fmt.Errorf("--format %q: want text, llama or json", format)
	case o.Chunks < -1:
		return fmt.Errorf("--chunks %d: want 0 or more, or -1 for all", o.Chunks)
	}
	o.Chunks = max(0, o.Chunks)
	if err := m.check(e, fs.Args()); err != nil {
		return err
	}
	s, err := e.open(&m)
	if err != nil {
		return err
	}
	defer s.Close()
	o.Context = m.size
	if o.Context == 0 {
		o.Context = 512
	}
	if err := s.within(o.Context); err != nil {
		return err
	}
	text, corpus, err := s.corpus(e, path)
	if err != nil {
		return err
	}
	chunks, err := o.Count(text)
	if err != nil {
		return fmt.Errorf("%s: %w", corpus.Path, err)
	}
	c, err := s.start(o.Context)
	if err != nil {
		return err
	}
	defer c.Close()
	if format != "json" {
		s.describe(e.stderr)
	}
	way := e.pace("ppl", chunks, fmt.Sprintf("a chunk of %d tokens", o.Context), "--chunks N measures the first N", "prints what is measured by then")
	defer way.finish()
	result := pplResult{Path: "prefill", Corpus: corpus}
	if o.Decode {
		result.Path = "decode"
	}
	if format == "llama" {
		fmt.Fprintf(e.stderr, "perplexity: calculating perplexity over %d chunks, n_ctx=%d, batch_size=%d, n_seq=1\n", chunks, o.Context, c.Batch)
	}
	start := time.Now()
	var last eval.Perplexity
	p, err := eval.Measure(e.ctx, c, text, o, func(p eval.Perplexity) {
		last = p
		result.Running = append(result.Running, p.PPL())
		way.next(fmt.Sprintf("PPL %.3f so far", p.PPL()))
		if format == "llama" {
			fmt.Fprintf(e.stdout, "[%d]%.4f,", p.Chunks, p.PPL())
		}
	})
	if err != nil && !(errors.Is(err, context.Canceled) && p.Chunks > 0) {
		return err
	}
	way.finish()
	if err != nil { // what is finished of a chunk does not count
		p, result.Interrupted = last, true
	}
	result.PPL, result.Error, result.NLL, result.Chunks, result.Scored = p.PPL(), p.Error(), p.NLL(), p.Chunks, p.Count
	result.Seconds, result.Record = time.Since(start).Seconds(), s.record(c)
	var failed error
	switch format {
	case "json":
		return errors.Join(printJSON(e.stdout, result), err)
	case "llama":
		if result.Interrupted {
			_, failed = fmt.Fprintln(e.stdout) // no estimate is final
			break
		}
		_, failed = fmt.Fprintf(e.stdout, "\nFinal estimate: PPL = %.4f +/- %.5f\n", result.PPL, result.Error)
	default:
		_, failed = fmt.Fprintf(e.stdout, "PPL %.4f +/- %.4f over %d tokens in %s of %d by %s (%s, %.0f tokens/s)\n", result.PPL, result.Error,
			result.Scored, counted(p.Chunks, "chunk"), o.Context, result.Path, corpus.Path, float64(p.Chunks*o.Context)/result.Seconds)
	}
	return errors.Join(failed, err)
}

// corpus reads a text and makes tokens of it, the embedded one when path is empty.
func (s *session) corpus(e *environment, path string) (eval.Text, corpusRecord, error) {
	text := demo.Corpus()
	if path == "" {
		path = embedded
	} else {
		var err error
		if text, err = e.readText(path); err != nil {
			return eval.Text{}, corpusRecord{}, err
		}
	}
	switch {
	case text == "":
		return eval.Text{}, corpusRecord{}, errors.New(path + ": the text is empty")
	case !utf8.ValidString(text):
		return eval.Text{}, corpusRecord{}, fmt.Errorf("%s: the text is not UTF-8 at byte %d", path, invalidAt(text))
	}
	t, err := s.vocabulary()
	if err != nil {
		return eval.Text{}, corpusRecord{}, err
	}
	tokens, err := s.encode(text, false)
	if err != nil {
		return eval.Text{}, corpusRecord{}, err
	}
	out := eval.Text{Tokens: tokens, BOS: t.BOS, AddBOS: t.AddBOS}
	return out, newCorpus(path, text, out.Tokens), nil
}

// encode makes tokens of a text, which takes a while where it is long.
func (s *session) encode(text string, special bool) ([]int32, error) {
	t, err := s.vocabulary()
	if err != nil {
		return nil, err
	}
	tokens, err := during(s.ctx, func() ([]int32, error) { return t.Encode(text, true, special), nil })
	s.left = s.left || err != nil
	return tokens, err
}

// enough says before any work, and before any file is made, whether a text has two chunks of n tokens.
func enough(t eval.Text, c corpusRecord, n int) error {
	if _, err := (eval.Options{Context: n}).Count(t); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	return nil
}

// invalidAt is where the first byte stands that is no UTF-8.
func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}
