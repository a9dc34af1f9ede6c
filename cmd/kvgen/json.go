package main

import (
	"encoding/json"
	"io"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target"
)

// printJSON writes v as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// typeJSON is one type, as list and explain give it.
type typeJSON struct {
	Name       string   `json:"name"`
	Summary    string   `json:"summary,omitempty"`
	ID         *int     `json:"id,omitempty"` // ggml's number
	Bits       float64  `json:"bits_per_value"`
	Block      int      `json:"block"`
	Bytes      int      `json:"block_bytes"`
	Use        []string `json:"use"`
	HeadDim    string   `json:"head_dim,omitempty"` // the condition on a head in the cache
	ReadOnly   bool     `json:"read_only,omitempty"`
	Compatible string   `json:"compatible_with,omitempty"`
	Identity   string   `json:"identity"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
	// that have a kernel of their own for it
	Kernels []string `json:"instruction_sets,omitempty"`

	Fields     []fieldJSON `json:"fields,omitempty"`
	Codes      []codeJSON  `json:"codes,omitempty"`
	Tables     []tableJSON `json:"tables,omitempty"`
	Codebook   *bookJSON   `json:"codebook,omitempty"`
	Domain     string      `json:"domain,omitempty"`
	Value      string      `json:"value,omitempty"`
	Encode     []string    `json:"encode,omitempty"`
	Audit      *auditRow   `json:"audit,omitempty"`
	Rotated    int         `json:"rotation_size,omitempty"`
	CodebookIs string      `json:"codebook_role,omitempty"`
}

type fieldJSON struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Offset int    `json:"offset"`
	Bytes  int    `json:"bytes"`
}

type tableJSON struct {
	Name   string    `json:"name"`
	Values int       `json:"values_per_point"`
	Levels []float32 `json:"levels"` // of one point after the other
}

type codeJSON struct {
	Name   string `json:"name"`
	Bits   int    `json:"bits"`
	Signed bool   `json:"signed,omitempty"`
	Shared int    `json:"values_per_code"`
}

type bookJSON struct {
	Source     string    `json:"source"`
	Levels     []float32 `json:"levels"`
	Thresholds []float32 `json:"thresholds,omitempty"`
}

// listJSON is what list prints.
type listJSON struct {
	Types     []typeJSON `json:"types"`
	Rotations []rotJSON  `json:"rotations,omitempty"`
	ISAs      []isaJSON  `json:"instruction_sets"`
}

type rotJSON struct {
	Name  string `json:"name"`
	Tile  int    `json:"tile"`
	Guard string `json:"guard,omitempty"`
}

type isaJSON struct {
	Name     string   `json:"name"`
	Arch     string   `json:"arch,omitempty"`
	Needs    []string `json:"needs,omitempty"`
	Rejected string   `json:"rejected,omitempty"` // why this machine cannot run it
}

func headJSON(t *spec.Type) typeJSON {
	j := typeJSON{
		Name: t.Name, Summary: t.Summary, Bits: float64(8*t.Bytes) / float64(t.Block), Block: t.Block, Bytes: t.Bytes, Use: uses(t),
		ReadOnly: t.Encode == nil, Compatible: t.Compatible, Identity: t.Identity, File: t.File, Line: t.Range.Start.Line,
	}
	if t.KV {
		j.HeadDim = headRule(t)
	}
	if t.ID >= 0 {
		j.ID = &t.ID
	}
	return j
}

func listed(set *spec.Set, isas []target.ISA) listJSON {
	var l listJSON
	for _, t := range set.Types {
		j := headJSON(t)
		for _, isa := range isas {
			if len(kernelsOf(isa, t).has) > 0 {
				j.Kernels = append(j.Kernels, isa.Name)
			}
		}
		l.Types = append(l.Types, j)
	}
	for _, r := range set.Rotations {
		j := rotJSON{Name: r.Name, Tile: r.Tile.Size}
		if r.Guard != nil {
			j.Guard = r.Guard.Text
		}
		l.Rotations = append(l.Rotations, j)
	}
	for _, isa := range isas {
		l.ISAs = append(l.ISAs, isaJSON{isa.Name, isa.Arch, isa.Needs, rejected(isa)})
	}
	return l
}

// described is what explain says of types.
func described(l *library) ([]typeJSON, error) {
	list := []typeJSON{}
	for _, t := range l.set.Types {
		j, e := headJSON(t), explanation{t: t, source: l.files[t.Range.Filename]}
		for _, f := range t.Fields {
			j.Fields = append(j.Fields, fieldJSON{f.Name, kindName(f), f.Offset, f.Bytes})
		}
		for _, c := range t.Codes {
			j.Codes = append(j.Codes, codeJSON{c.Name, c.Bits, c.Signed, c.Group})
		}
		for _, b := range t.Tables {
			j.Tables = append(j.Tables, tableJSON{b.Name, b.Dim, b.Levels})
		}
		if b := t.Codebook; b != nil {
			j.Codebook, j.CodebookIs = &bookJSON{b.Source, b.Levels, b.Thresholds}, roleOf(t).String()
		}
		if d := t.Domain; d != nil {
			j.Domain, j.Rotated = d.Name, d.Size
		}
		j.Value = e.written(t.Value.Pos())
		for _, a := range t.Encode {
			j.Encode = append(j.Encode, e.written(a.Range))
		}
		row, err := auditType(t, defaultSamples)
		if err != nil {
			return nil, err
		}
		j.Audit = &row
		list = append(list, j)
	}
	return list, nil
}
