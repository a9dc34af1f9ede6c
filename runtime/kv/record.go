package kv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Record is a plan as results and journals store it, in JSON.
type Record struct {
	BytesPerToken int           `json:"bytes_per_token"`
	BitsPerValue  float64       `json:"bits_per_value"`
	Layers        []LayerRecord `json:"layers"`
}

// LayerRecord is one KV layer of a Record.
type LayerRecord struct {
	Layer    int        `json:"layer"`
	Heads    int        `json:"kv_heads"`
	KeyDim   int        `json:"key_dim"`
	ValueDim int        `json:"value_dim"`
	Window   int        `json:"window,omitempty"`
	First    int        `json:"keep_first,omitempty"` // rows that stay exact
	Last     int        `json:"keep_last,omitempty"`
	K        SideRecord `json:"k"`
	V        SideRecord `json:"v"`
}

// SideRecord is one side of a LayerRecord.
type SideRecord struct {
	Requested     string  `json:"requested"`
	Effective     string  `json:"effective"`
	Why           string  `json:"why"`
	BitsPerValue  float64 `json:"bits_per_value"`
	BytesPerToken int     `json:"bytes_per_token"`
	Identity      string  `json:"identity"`         // of the effective type
	Offset        string  `json:"offset,omitempty"` // identity of the key offset in effect
	// the file of an effective type that is not of the table
	Spec string `json:"spec,omitempty"`
}

// Record describes the plan for a context of size positions, 0 for packed rows alone.
func (p *Plan) Record(size int) Record {
	r := Record{BytesPerToken: p.BytesPerToken(), BitsPerValue: p.BitsPerValue(size)}
	for _, l := range p.Layers {
		r.Layers = append(r.Layers, LayerRecord{l.Layer.Index, l.Layer.Heads, l.Layer.KeyDim, l.Layer.ValueDim, l.Layer.Window,
			l.Ends.First, l.Ends.Last, l.K.record(), l.V.record()})
	}
	return r
}

func (s *SidePlan) record() SideRecord {
	return SideRecord{s.Requested.String(), s.Effective.String(), s.Why, s.BitsPerValue, s.BytesPerToken, s.Effective.Type.Identity,
		s.Effective.Offset.identity(), s.Effective.Type.Spec}
}

// Parts undoes Choice.String: the names of the type in effect, of its rotation and of its offset,
// empty for none.
func (s SideRecord) Parts() (typ, rotation, offset string) {
	name, offset, _ := strings.Cut(s.Effective, "-")
	typ, rotation, _ = strings.Cut(name, "+")
	return typ, rotation, offset
}

// ID names what a plan stores: the same for two plans whose rows are the same bytes, whatever was
// asked for.
func (r Record) ID() string {
	h := sha256.New()
	for _, l := range r.Layers {
		fmt.Fprintln(h, l.Layer, l.Heads, l.KeyDim, l.ValueDim, l.Window, l.First, l.Last)
		for _, s := range []SideRecord{l.K, l.V} {
			typ, rotation, _ := s.Parts()
			fmt.Fprintf(h, "%q %q %q %q\n", typ, rotation, s.Identity, s.Offset)
		}
	}
	return "kv-" + hex.EncodeToString(h.Sum(nil)[:8])
}
