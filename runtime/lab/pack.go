package lab

import (
	"encoding/binary"
	"math"

	"github.com/kvgen/kvgen/runtime/eval"
)

// scored is the scored positions of a chunk.
func (s Setting) scored() int { return eval.Options{Context: s.Context}.Scored() }

// pack makes a line of a cell's positions.
func pack(at chunkKey, all []eval.Position) chunkLine {
	c := chunkLine{Setting: at.setting, Cell: at.cell, Chunk: at.chunk, Top: make([]byte, (len(all)+7)/8)}
	for i, p := range all {
		c.NLL = appendFloat(c.NLL, p.NLL)
		c.KLD = appendFloat(c.KLD, float32(p.KLD))
		if p.SameTop {
			c.Top[i/8] |= 1 << (i % 8)
		}
	}
	return c
}

// packReference makes a line of the reference's side of the same positions.
func packReference(at chunkKey, all []eval.Position) chunkLine {
	c := chunkLine{Setting: at.setting, Cell: reference, Chunk: at.chunk}
	for _, p := range all {
		c.NLL = appendFloat(c.NLL, p.RefNLL)
	}
	return c
}

// unpack is the positions of a cell's line; ref is the line of the reference.
func (c *chunkLine) unpack(ref *chunkLine) []eval.Position {
	all := make([]eval.Position, len(c.NLL)/4)
	for i := range all {
		all[i] = eval.Position{KLD: float64(float(c.KLD, i)), NLL: float(c.NLL, i), RefNLL: float(ref.NLL, i), SameTop: c.Top[i/8]>>(i%8)&1 != 0}
	}
	return all
}

func appendFloat(b []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
}

func float(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}
