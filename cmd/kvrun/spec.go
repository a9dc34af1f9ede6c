package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/gen/live"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// specFlags name the files of types that are given as text.
type specFlags struct{ files []string }

func (f *specFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.files, "spec", nil, "`file` (.hcl), or a folder of them, of more types and rotations, used like those of the table but interpreted: slower, and in the fast form rounded otherwise than kernels of the same text (kvgen build) do; may be given again")
}

// extend gives the command a table with the types of the files.
func (f *specFlags) extend(e *environment) error {
	e.live, e.table = nil, nil
	if len(f.files) == 0 {
		return nil
	}
	for _, name := range f.files {
		if err := e.files.Input("--spec", name); err != nil {
			return err
		}
	}
	set, err := during(e.ctx, func() (*live.Set, error) { return live.Load(f.files...) })
	if err != nil {
		return fmt.Errorf("--spec:\n%w", err)
	}
	table, err := set.Extend(kernels.Default())
	if err != nil {
		return fmt.Errorf("--spec: %w", err)
	}
	e.live, e.table = set, table
	return nil
}

// texts is the cuda.Text of the table with what --spec added to it.
func (e *environment) texts(name string) (string, bool) {
	if text, ok := e.live.Text(name); ok {
		return text, true
	}
	return cuda.Generated(name)
}

// noteInterpreted says of the types of a plan, once for each, that they are slow. A GPU has kernels of them.
func (s *session) noteInterpreted(plan *kv.Plan) {
	for _, l := range plan.Layers {
		s.noteType(l.K.Effective.Type)
		s.noteType(l.V.Effective.Type)
	}
}

func (s *session) noteType(t *kernels.Type) {
	if t == nil || t.Spec == "" || s.slow[t] || !model.OnProcessor(s.flags.places) {
		return
	}
	if s.slow == nil {
		s.slow = map[*kernels.Type]bool{}
	}
	s.slow[t] = true
	s.notes = append(s.notes, fmt.Sprintf("%s is interpreted (spec file %s), which is slow; kvgen build makes a kvrun with kernels of it", t.Name, t.Spec))
}
