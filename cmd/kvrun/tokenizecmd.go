package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/gguf"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// tokenizeFlags are the flags of kvrun tokenize.
type tokenizeFlags struct {
	promptFlags
	hub                      hubFlags
	overrides                overrideFlags
	model, rules             string
	noBOS, plain, ids, count bool
	json                     bool
}

// tokenizeResult is its JSON.
type tokenizeResult struct {
	Model  string          `json:"model"`
	Count  int             `json:"n_tokens"`
	Tokens []tokenizeToken `json:"tokens"`
}

type tokenizeToken struct {
	ID    int32  `json:"id"`
	Piece string `json:"piece"`
	Bytes []byte `json:"bytes,omitempty"` // in base64, of a piece that is no UTF-8
}

func (f *tokenizeFlags) add(fs *pflag.FlagSet) {
	fs.StringVarP(&f.model, "model", "m", "", "`path` of a GGUF file, which may hold a vocabulary alone (default: the embedded model)")
	f.hub.add(fs)
	f.overrides.add(fs)
	fs.StringVarP(&f.prompt, "prompt", "p", "", "`text` to make tokens of (default: the standard input)")
	fs.StringVarP(&f.file, "file", "f", "", "`text` in a file; - is the standard input")
	f.addEscapes(fs)
	fs.BoolVar(&f.noBOS, "no-bos", false, "without the tokens that the model has put around every text")
	fs.BoolVar(&f.plain, "no-parse-special", false, "read names of control tokens such as <|im_end|> as text")
	fs.BoolVar(&f.ids, "ids", false, "print the numbers alone, as [1, 2, 3]")
	fs.BoolVar(&f.count, "show-count", false, "print how many there are, too")
	fs.StringVar(&f.rules, "tokenizer", tokenizer.Own.String(), "whose `rules` make tokens of text: model (those of the model's own tokenizer) or llama.cpp")
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
}

// vocabulary reads the tokenizer of the model.
func (f *tokenizeFlags) vocabulary(e *environment) (*tokenizer.Tokenizer, error) {
	rules, err := tokenizer.ParseRules(f.rules)
	if err != nil {
		return nil, fmt.Errorf("--tokenizer %w", err)
	}
	var file *gguf.File
	if f.model == "" {
		f.model = embedded
		file, err = gguf.Parse(demo.Model(), model.TypeSize(e.kernels()))
	} else if file, err = gguf.Open(f.model, model.TypeSize(e.kernels())); err != nil {
		err = noModel(f.model, err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := f.overrides.apply(file, e.stderr); err != nil {
		return nil, err
	}
	t, err := during(e.ctx, func() (*tokenizer.Tokenizer, error) { return tokenizer.Read(file, rules) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.model, err)
	}
	return t, nil
}

// tokenizeCommand prints the tokens of a text.
func tokenizeCommand(e *environment, args []string) error {
	var f tokenizeFlags
	fs := newFlags("tokenize")
	f.add(fs)
	if err := e.parse(fs, "[MODEL] -p TEXT [flags]", args); err != nil {
		return err
	}
	switch args = fs.Args(); {
	case len(args) == 1 && f.model == "":
		f.model = args[0]
	case len(args) > 0:
		return fmt.Errorf("%.60q belongs to no flag: a text goes after -p, between quotes", args[len(args)-1])
	}
	path, err := f.hub.path(e, f.model)
	if err != nil {
		return err
	}
	f.model = path
	text := ""
	if given := fs.Changed("prompt"); given && f.file != "" {
		return errors.New("--prompt and --file are both given")
	} else if given {
		text = f.unescaped(f.prompt)
	} else if f.file != "" {
		text, err = e.readText(f.file)
	} else {
		text, err = e.piped()
	}
	if err != nil {
		return err
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("the text is not UTF-8 at byte %d", invalidAt(text))
	}
	t, err := f.vocabulary(e)
	if err != nil {
		return err
	}
	for _, n := range t.Notes {
		fmt.Fprintln(e.stderr, "note:", n)
	}
	tokens, err := during(e.ctx, func() ([]int32, error) { return t.Encode(text, !f.noBOS, !f.plain), nil })
	if err != nil {
		return err
	}
	return f.print(e, t, tokens)
}

func (f *tokenizeFlags) print(e *environment, t *tokenizer.Tokenizer, tokens []int32) error {
	if f.json {
		r := tokenizeResult{Model: f.model, Count: len(tokens), Tokens: []tokenizeToken{}}
		for _, id := range tokens {
			one := tokenizeToken{ID: id, Piece: t.Decode([]int32{id}, true)}
			if !utf8.ValidString(one.Piece) {
				one.Bytes = []byte(one.Piece)
			}
			r.Tokens = append(r.Tokens, one)
		}
		return printJSON(e.stdout, r)
	}
	out := bufio.NewWriter(e.stdout)
	if f.ids {
		fmt.Fprintln(out, strings.ReplaceAll(fmt.Sprint(tokens), " ", ", "))
	} else {
		for _, id := range tokens {
			fmt.Fprintf(out, "%6d -> %q\n", id, t.Decode([]int32{id}, true))
		}
	}
	if f.count {
		fmt.Fprintf(out, "Total number of tokens: %d\n", len(tokens))
	}
	return out.Flush()
}
