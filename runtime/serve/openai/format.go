package openai

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// format is how an answer has to look. Chat completions have the schema in an object of its own,
// responses beside the type.
type format struct {
	Type   string         `json:"type"`
	Nested *schemaFormat  `json:"json_schema"`
	Name   string         `json:"name"`
	Schema jsontext.Value `json:"schema"`
	Strict *bool          `json:"strict"`
	About  string         `json:"description"`
	Rest   wire.Fields    `json:",embed"`
}

type schemaFormat struct {
	Name   string         `json:"name"`
	Schema jsontext.Value `json:"schema"`
	Strict *bool          `json:"strict"`
	About  string         `json:"description"`
}

// grammar is what an answer is held to, nil for nothing. A schema that cannot be enforced whole is
// an error that names the keyword, whether strict is asked for or not.
func (f *format) grammar(ctx context.Context, h *host.Host, param string, tools bool) (*grammar.Grammar, error) {
	if f == nil || f.Type == "text" {
		return nil, nil
	}
	if err := wire.Check(f.Rest, param+"."); err != nil {
		return nil, err
	}
	if tools {
		return nil, wire.Invalid(param, "%s: an answer that may call tools cannot be held to a format", param)
	}
	text := f.Schema
	if f.Nested != nil {
		text = f.Nested.Schema
	}
	switch f.Type {
	case "json_object":
		text = jsontext.Value(schema.Object)
	case "json_schema":
		if len(text) == 0 {
			return nil, wire.Invalid(param, "%s: there is no schema", param)
		}
	default:
		return nil, wire.Invalid(param, "%s: the type %.32q: want text, json_object or json_schema", param, f.Type)
	}
	return h.Grammar(ctx, param, text)
}
