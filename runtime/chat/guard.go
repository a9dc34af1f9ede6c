package chat

import (
	"fmt"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// guarded is a control structure under a meter.
type guarded struct {
	exec.ControlStructure
	m        *meter
	assigned string // variable that a set changes
	macro    string // macro that is defined
}

func (g *guarded) Execute(r *exec.Renderer, tag *nodes.ControlStructureBlock) error {
	if err := g.m.step(); err != nil {
		return err
	}
	if err := g.ControlStructure.Execute(r, tag); err != nil {
		return err
	}
	c := r.Environment.Context
	if g.assigned != "" {
		v, _ := c.Get(g.assigned)
		return g.m.value(v)
	}
	if g.macro != "" {
		if f, ok := c.Get(g.macro); ok {
			if f, ok := f.(exec.Macro); ok {
				c.Set(g.macro, g.m.call(f))
			}
		}
	}
	return nil
}

// call is a macro that counts how deep it is and measures what goes in and comes out.
func (m *meter) call(f exec.Macro) exec.Macro {
	return func(params *exec.VarArgs) *exec.Value {
		if m.calls++; m.calls > maxCalls {
			return exec.AsValue(m.fail(errCalls))
		}
		defer func() { m.calls-- }()
		if err := m.arguments(params); err != nil {
			return exec.AsValue(err)
		}
		out := f(params)
		if out.IsError() {
			return out
		}
		if err := m.value(out); err != nil {
			return exec.AsValue(err)
		}
		return out
	}
}

// arguments takes a step and measures the arguments of a call.
func (m *meter) arguments(params *exec.VarArgs) error {
	if err := m.step(); err != nil {
		return err
	}
	for _, v := range params.Args {
		if err := m.value(v); err != nil {
			return err
		}
	}
	for _, v := range params.KwArgs {
		if err := m.value(v); err != nil {
			return err
		}
	}
	return nil
}

// tick is the step before each run of a body. Blocks and macros write to buffers of the engine, which have no limit, so
// it looks at their length too.
type tick struct {
	body *nodes.Wrapper
	m    *meter
}

func (t *tick) Position() *tokens.Token { return t.body.Position() }
func (t *tick) String() string          { return "step" }

func (t *tick) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	if w, ok := r.Output.(interface{ Len() int }); ok {
		if err := t.m.length(w.Len()); err != nil {
			return err
		}
	}
	return t.m.step()
}

// generation is Hugging Face's marker of the parts to train on; it renders its body.
type generation struct{ body *nodes.Wrapper }

func generationParser(p, args *parser.Parser) (nodes.ControlStructure, error) {
	if !args.End() {
		return nil, args.Error("generation takes no arguments", args.Current())
	}
	body, _, err := p.WrapUntil("endgeneration")
	if err != nil {
		return nil, fmt.Errorf("generation: %w", err)
	}
	return &generation{body}, nil
}

func (g *generation) Position() *tokens.Token { return g.body.Position() }
func (g *generation) String() string          { return "generation" }

func (g *generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteIfWrapper(g.body)
}
