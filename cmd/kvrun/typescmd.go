package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
)

// shortContext is the context that kvrun types counts the cache of, beside the model's own.
const shortContext = 4096

// cacheTypeRow is a type that a cache can have; what depends on a model is left out where none is given.
type cacheTypeRow struct {
	Name      string   `json:"name"`
	Summary   string   `json:"summary"`
	Bits      float64  `json:"bits_per_value"` // padding counted where there is a model
	Block     int      `json:"block"`          // values
	Bytes     int      `json:"block_bytes"`
	Pads      bool     `json:"pads"`
	Fits      *bool    `json:"fits,omitempty"`
	Why       string   `json:"why,omitempty"` // it does not
	Rotations []string `json:"rotations"`     // that it can be stored under
	Short     int      `json:"bytes_4096,omitempty"`
	Full      int      `json:"bytes_full,omitempty"` // at the context that the model was trained for
}

// typesCommand lists the types of the cache, and what they take for a model.
func typesCommand(e *environment, args []string) error {
	var m modelFlags
	fs := newFlags("types")
	fs.StringVarP(&m.model, "model", "m", "", "`path` of a GGUF file whose cache is counted")
	m.specFlags.add(fs)
	fs.BoolVar(&m.json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "[MODEL] [flags]", args); err != nil {
		return err
	}
	defaults := newFlags("defaults")
	var whole modelFlags
	whole.add(defaults, model.Fast)
	whole.model, whole.specFlags, whole.json = m.model, m.specFlags, m.json
	if err := whole.check(e, fs.Args()); err != nil {
		return err
	}
	if whole.model == "" {
		return printTypes(e.stdout, typeRows(e.kernels(), nil), nil, whole.json)
	}
	s, err := e.open(&whole)
	if err != nil {
		return err
	}
	defer s.Close()
	return printTypes(e.stdout, typeRows(s.table, s), s, whole.json)
}

// typeRows describes all types of the cache, for a model where s is one.
func typeRows(table *kernels.Table, s *session) (rows []cacheTypeRow) {
	for _, t := range table.Types() {
		if !t.KV {
			continue
		}
		r := cacheTypeRow{Name: t.Name, Summary: t.Summary, Bits: 8 * float64(t.Bytes) / float64(t.Block), Block: t.Block, Bytes: t.Bytes, Pads: t.Pad}
		plan := func(rotation *kernels.Rotation) (*kv.Plan, error) {
			c := kv.Choice{Type: t, Rotation: rotation}
			return kv.NewPlan(s.KVLayers(), kv.Policy{K: c, V: c})
		}
		if s != nil {
			p, err := plan(nil)
			fits := err == nil
			if r.Fits = &fits; fits {
				r.Bits, r.Short, r.Full = p.BitsPerValue(0), p.Bytes(min(shortContext, s.Context), defaultBatch), p.Bytes(s.Context, defaultBatch)
			} else {
				r.Why = misfit(t, s.KVLayers())
			}
		}
		for _, rotation := range table.Rotations() {
			possible := t.Quantised
			if s != nil {
				_, err := plan(rotation)
				possible = err == nil
			}
			if possible {
				r.Rotations = append(r.Rotations, rotation.Name)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// misfit is the rule by which heads cannot be stored in a type, from the first layer that it holds of.
func misfit(t *kernels.Type, layers []kv.Layer) string {
	for _, l := range layers {
		for _, dim := range []int{l.KeyDim, l.ValueDim} {
			if err := t.Fits(dim); err != nil {
				return strings.TrimPrefix(err.Error(), t.Name+": ")
			}
		}
	}
	return "only read"
}

func printTypes(w io.Writer, rows []cacheTypeRow, s *session, asJSON bool) error {
	if asJSON {
		return printJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s == nil {
		fmt.Fprintln(t, "type\tbits/value\tblock\trotation\t")
	} else {
		fmt.Fprintf(t, "type\tbits/value\tblock\trotation\tMiB at %d\t", min(shortContext, s.Context))
		if s.Context > shortContext {
			fmt.Fprintf(t, "at %d\t", s.Context)
		}
		fmt.Fprintln(t)
	}
	for _, r := range rows {
		rotation := "no"
		if len(r.Rotations) > 0 {
			rotation = "yes"
		}
		fmt.Fprintf(t, "%s\t%.3f\t%d\t%s\t", r.Name, r.Bits, r.Block, rotation)
		switch {
		case s == nil && r.Pads:
			fmt.Fprint(t, "pads heads to whole blocks")
		case r.Why != "":
			fmt.Fprintf(t, "does not fit\t%s", r.Why)
		case s != nil:
			fmt.Fprintf(t, "%.1f\t", float64(r.Short)/(1<<20))
			if s.Context > shortContext {
				fmt.Fprintf(t, "%.1f\t", float64(r.Full)/(1<<20))
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	note := "A head must be whole blocks. With a model, kvrun types MODEL says what fits and what the cache takes; kvrun help cache helps to choose.\n"
	if s != nil {
		note = "Both sides of all layers in the type, padding counted. kvrun help cache helps to choose.\n"
	}
	_, err := fmt.Fprint(w, "\n"+note)
	return err
}
