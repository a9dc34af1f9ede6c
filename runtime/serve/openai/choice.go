package openai

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/serve/host"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// toolChoice is a tool_choice that is no word. Chat completions have the name in an object of its
// own, responses beside the type.
type toolChoice struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Function struct {
		Name string      `json:"name"`
		Rest wire.Fields `json:",embed"`
	} `json:"function"`
	Rest wire.Fields `json:",embed"`
}

// choose is what a tool_choice wants, and the tools that it leaves.
func choose(v jsontext.Value, tools []chat.Tool) (c host.Choice, left []chat.Tool, err error) {
	if len(v) == 0 || v.Kind() == 'n' {
		return c, tools, nil
	}
	if v.Kind() == '"' {
		switch text(v) {
		case "auto":
			return c, tools, nil
		case "none":
			return c, nil, nil
		case "required", "any":
			return host.Choice{Required: true}, tools, nil
		}
	}
	var named toolChoice
	if v.Kind() == '{' && unmarshal(v, &named) == nil && named.Type == "function" && len(named.Rest)+len(named.Function.Rest) == 0 {
		if c.Name = named.Name + named.Function.Name; c.Name != "" {
			return c, tools, nil
		}
	}
	return c, nil, &wire.Error{Status: http.StatusBadRequest, Param: "tool_choice", Code: "unsupported_parameter",
		Message: `tool_choice: want "auto", "none", "required" or a function with its name`}
}

// hold holds the calls of a request as its tool_choice and its strict functions want.
func hold(ctx context.Context, h *host.Host, r *host.Request, v jsontext.Value) error {
	c, _, err := choose(v, r.Conversation.Tools)
	if err != nil {
		return err
	}
	return h.Hold(ctx, r, c)
}
