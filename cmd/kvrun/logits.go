package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/runtime/model"
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

// logitsCommand writes the logits of given tokens, little-endian f32, one row of the vocabulary per position.
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
	if err := e.parse(fs, "[MODEL] --tokens FILE --out FILE [flags]", args); err != nil {
		return err
	}
	if err := m.check(e, fs.Args()); err != nil {
		return err
	}
	if tokensPath == "" || out == "" {
		return fmt.Errorf("--tokens and --out are both needed")
	}
	text, err := e.readText(tokensPath)
	if err != nil {
		return err
	}
	s, err := e.open(&m)
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
	err = file.Fill(func(w io.Writer) error {
		row := make([]byte, 4*s.Vocab)
		visit := func(_ int, l []float32) error {
			for i, v := range l {
				binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(v))
			}
			_, err := w.Write(row)
			return err
		}
		if decode {
			return tokenByToken(e, c, tokens, first, visit)
		}
		return prefill(e.ctx, c, tokens, first, visit)
	})
	if err != nil {
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

// tokenByToken visits the logits of the tokens from number from on, each run by itself.
func tokenByToken(e *environment, c *model.Context, tokens []int32, from int, visit func(int, []float32) error) error {
	for i, t := range tokens {
		if err := e.ctx.Err(); err != nil {
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
