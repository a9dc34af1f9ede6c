package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/gbnf"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// grammarFlags are those that hold what is generated to a grammar.
type grammarFlags struct {
	grammar, grammarFile string
	schema, schemaFile   string

	flag, text string // the one that is given, and what it stands for
}

func (f *grammarFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.grammar, "grammar", "", "`rules` in llama.cpp's GBNF that what is generated is held to")
	fs.StringVar(&f.grammarFile, "grammar-file", "", "a `file` with such rules")
	fs.StringVarP(&f.schema, "json-schema", "j", "", "`schema` of the JSON that is generated; {\"type\": \"object\"} for any object")
	fs.StringVar(&f.schemaFile, "json-schema-file", "", "a `file` with such a schema")
}

// read reads the grammar, and refuses one that cannot be enforced before a model is loaded.
func (f *grammarFlags) read(e *environment) error {
	var given []string
	for _, x := range []struct{ flag, value, file string }{
		{"grammar", f.grammar, ""}, {"grammar-file", "", f.grammarFile}, {"json-schema", f.schema, ""}, {"json-schema-file", "", f.schemaFile},
	} {
		if x.value == "" && x.file == "" {
			continue
		}
		given = append(given, "--"+x.flag)
		if f.flag, f.text = "--"+x.flag, x.value; x.file == "" {
			continue
		}
		var err error
		if f.text, err = e.readText(x.file); err != nil {
			return fmt.Errorf("--%s: %w", x.flag, err)
		}
	}
	switch len(given) {
	case 0:
		return nil
	case 1:
		_, err := f.compile(e.ctx, grammar.NewVocabulary(noTokens{}))
		return err
	}
	return fmt.Errorf("%s: a text is held to one grammar", strings.Join(given, " and "))
}

// compile makes the grammar for a vocabulary; nil where none is given.
func (f *grammarFlags) compile(ctx context.Context, v *grammar.Vocabulary) (*grammar.Grammar, error) {
	var g *grammar.Grammar
	var err error
	switch f.flag {
	case "":
		return nil, nil
	case "--grammar", "--grammar-file":
		g, err = gbnf.Compile(ctx, v, f.text)
	default:
		g, err = schema.Compile(ctx, v, []byte(f.text))
	}
	if err != nil {
		return nil, refuse("%s: %w", f.flag, err)
	}
	return g, nil
}

// of is the grammar for the tokens of a model; nil where none is given.
func (f *grammarFlags) of(ctx context.Context, t *tokenizer.Tokenizer) (*grammar.Grammar, error) {
	if f.flag == "" {
		return nil, nil
	}
	return f.compile(ctx, grammar.NewVocabulary(t))
}

// noTokens is the vocabulary of no model, with which a grammar can be checked.
type noTokens struct{}

func (noTokens) Len() int             { return 0 }
func (noTokens) Piece(int32) string   { return "" }
func (noTokens) IsControl(int32) bool { return false }
func (noTokens) EOG() []int32         { return nil }
