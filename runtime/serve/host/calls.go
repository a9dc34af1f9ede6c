package host

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/grammar"
	"github.com/kvgen/kvgen/runtime/grammar/calls"
	"github.com/kvgen/kvgen/runtime/grammar/schema"
	"github.com/kvgen/kvgen/runtime/serve/wire"
)

// Choice is what a request wants of calls.
type Choice struct {
	Required bool   // one at least
	Name     string // of the one function that is called; "" for any
}

// Hold holds the calls of a request to the schemas of their functions: all of them where one is
// required, else those of functions that are strict. Where neither is, nothing is held.
func (h *Host) Hold(ctx context.Context, r *Request, c Choice) (err error) {
	functions := slices.Clone(r.Conversation.Tools)
	switch {
	case c.Name != "":
		functions = slices.DeleteFunc(functions, func(f chat.Tool) bool { return f.Name != c.Name })
		if len(functions) == 0 {
			return wire.Invalid("tool_choice", "tool_choice: there is no function %.128q among the tools", c.Name)
		}
		c.Required, r.OneCall = true, true
	case !c.Required:
		if !slices.ContainsFunc(functions, func(f chat.Tool) bool { return f.Strict }) {
			return nil
		}
		for i := range functions {
			if !functions[i].Strict {
				functions[i].Parameters = []byte(schema.Object)
			}
		}
	}
	if h.Template == nil {
		return wire.Invalid("", "the model cannot be talked to: %v", h.NoChat)
	}
	if c.Required && len(functions) == 0 {
		return wire.Invalid("tool_choice", "tool_choice: there are no tools of which one can be called")
	}
	m := h.Template.Markup()
	r.fromStart = m.Headed
	o := calls.Options{One: r.OneCall, Free: !c.Required}
	key, err := json.Marshal(struct {
		Functions []chat.Tool
		Options   calls.Options
	}{functions, o})
	if err != nil {
		return wire.Invalid("tools", "tools: %v", err)
	}
	r.Options.Grammar, err = h.compile(ctx, "calls", string(key), func() (*grammar.Grammar, error) {
		return calls.Compile(ctx, h.marked(), &m, functions, o)
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return wire.Invalid("tools", "tools: calls cannot be held to the schemas of their functions: %v", err)
	}
	return nil
}

// callWords is the tokens with which calls are written.
func (h *Host) callWords() *grammar.Vocabulary {
	m := h.Template.Markup()
	if !calls.Marked(h.Tokenizer, &m) {
		return h.words()
	}
	return calls.Vocabulary(h.Tokenizer, &m)
}
