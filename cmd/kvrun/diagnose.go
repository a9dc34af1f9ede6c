package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// diagnosis is the JSON of kvrun kld --diagnose.
type diagnosis struct {
	Findings  []lab.Finding `json:"findings"`
	Faults    int           `json:"faults"`
	Chunks    int           `json:"n_chunks"`
	Reference string        `json:"reference"`
	Corpus    corpusRecord  `json:"corpus"`
	Record    record        `json:"record"`
}

// uniform is the plan of a cache of one type on both sides of all layers.
func (s *session) uniform(name string) (*kv.Plan, error) {
	t := kv.Choice{Type: s.table.ByName(name)}
	return kv.NewPlan(s.KVLayers(), kv.Policy{K: t, V: t})
}

// diagnose checks every side of every layer by itself and names those whose code must be wrong.
func (k *kld) diagnose() error {
	ref, err := k.s.uniform(k.f.ref)
	if err != nil {
		return err
	}
	chunks := k.f.measure.Chunks
	if chunks == 0 {
		chunks = 1
	}
	path := lab.Prefill
	if k.f.measure.Decode {
		path = lab.Decode
	}
	place := lab.Place{Text: k.text, Setting: lab.Setting{Corpus: lab.Corpus(*k.corpus), Context: k.f.measure.Context, Path: path}}
	if k.f.format == "text" {
		k.s.describe(k.e.stderr)
	}
	var way *pace
	found, err := lab.Diagnose(k.e.ctx, k.s.Model, place, k.s.plan, lab.Options{Reference: ref, Chunks: chunks, Threads: k.f.threads, Batch: k.f.batch, Math: k.f.kind, Placements: k.f.places},
		func(p lab.Progress) {
			if way == nil {
				way = k.e.pace("diagnose", p.Steps, "a side of a layer on a chunk", "--chunks N measures the first N", "ends it")
			}
			way.to(p.Done, "")
		})
	if way != nil {
		way.finish()
	}
	if err != nil {
		return err
	}
	d := diagnosis{Findings: found, Chunks: chunks, Reference: "a cache of " + k.f.ref, Corpus: *k.corpus, Record: k.s.record(nil)}
	for _, f := range found {
		if f.Fault != "" {
			d.Faults++
		}
	}
	if k.f.format == "json" {
		err = printJSON(k.e.stdout, d)
	} else {
		err = d.print(k.e.stdout)
	}
	if err == nil && d.Faults > 0 {
		err = refuse("%d of %d parts of the cache are faulty", d.Faults, len(found))
	}
	return err
}

func (d *diagnosis) print(w io.Writer) error {
	if len(d.Findings) == 0 {
		_, err := fmt.Fprintf(w, "nothing to check: the cache is %s everywhere\n", d.Reference)
		return err
	}
	fmt.Fprintf(w, "Each side of each layer alone, all else %s, on %s:\n", d.Reference, counted(d.Chunks, "chunk"))
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "layer\tside\ttype\tKLD\tread in f32\trow error\tat most\t\t")
	for _, f := range d.Findings {
		mark := "ok"
		if f.Fault != "" {
			mark = "FAULT"
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%.3g\t%.3g\t%.3g\t%.2g\t%s\t\n", f.Layer, f.Side, f.Type, f.KLD, f.Plain, f.RowError, f.Limit, mark)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, f := range d.Findings {
		if f.Fault != "" {
			fmt.Fprintf(w, "layer %d, %s, %s: %s\n", f.Layer, f.Side, f.Type, f.Fault)
		}
	}
	return nil
}
