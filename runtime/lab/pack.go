package lab

import (
	"encoding/binary"
	"math"

	"github.com/kvgen/kvgen/runtime/eval"
)

// Scored is the scored positions of a chunk.
func (s Setting) Scored() int { return eval.Options{Context: s.Context}.Scored() }

// Positions are the scored positions of a cell, or of the reference, in one chunk: little-endian
// f32.
type Positions struct {
	NLL []byte `json:"nll"`                // [scored] f32
	KLD []byte `json:"kld,omitempty"`      // [scored] f32
	Top []byte `json:"same_top,omitempty"` // [scored] bits, the lowest first
}

// pack packs a cell's positions.
func pack(all []eval.Position) Positions {
	p := Positions{Top: make([]byte, (len(all)+7)/8)}
	for i, x := range all {
		p.NLL = appendFloat(p.NLL, x.NLL)
		p.KLD = appendFloat(p.KLD, float32(x.KLD))
		if x.SameTop {
			p.Top[i/8] |= 1 << (i % 8)
		}
	}
	return p
}

// packReference packs the reference's side of the same positions.
func packReference(all []eval.Position) (p Positions) {
	for _, x := range all {
		p.NLL = appendFloat(p.NLL, x.RefNLL)
	}
	return p
}

// unpack is the positions of a cell; ref is those of the reference.
func (p Positions) unpack(ref Positions) []eval.Position {
	all := make([]eval.Position, len(p.NLL)/4)
	for i := range all {
		all[i] = eval.Position{KLD: float64(float(p.KLD, i)), NLL: float(p.NLL, i), RefNLL: float(ref.NLL, i), SameTop: p.Top[i/8]>>(i%8)&1 != 0}
	}
	return all
}

func appendFloat(b []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
}

func float(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}
