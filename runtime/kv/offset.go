package kv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Offset is a constant taken out of the keys of every head before RoPE, so that what is stored is
// R_p (k - mu) for a key k at position p with rotation R_p. Its score q . R_p mu is added exactly
// (attention.Offset). The cache stores what it is given; it knows the offset to name it in plans
// and saved states.
type Offset struct {
	Name     string        // its source: bias, mean, a file
	Layers   []LayerOffset // by KV layer
	Identity string        // of the values, set by NewOffset
}

// LayerOffset is the offset of one layer, or why it has none.
type LayerOffset struct {
	Mu  []float32 // [Heads][KeyDim]
	Why error     // where Mu is nil
}

// NewOffset makes an offset with the identity of its values.
func NewOffset(name string, layers []LayerOffset) *Offset {
	h := sha256.New()
	for _, l := range layers {
		var word [4]byte
		binary.LittleEndian.PutUint32(word[:], uint32(len(l.Mu)))
		h.Write(word[:])
		for _, v := range l.Mu {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			h.Write(word[:])
		}
	}
	return &Offset{Name: name, Layers: layers, Identity: hex.EncodeToString(h.Sum(nil))}
}

// fits returns the rule by which keys of KV layer i cannot have the offset. A nil offset fits.
func (o *Offset) fits(i int, keys bool, l Layer) error {
	switch {
	case o == nil:
		return nil
	case !keys:
		return errors.New("values have no offset: it is taken out of keys")
	case i >= len(o.Layers):
		return fmt.Errorf("the offset %s has %d layers: there is none for layer %d, from 0", o.Name, len(o.Layers), i)
	case o.Layers[i].Mu == nil:
		return fmt.Errorf("no offset %s: %w", o.Name, o.Layers[i].Why)
	case len(o.Layers[i].Mu) != l.Heads*l.KeyDim:
		return fmt.Errorf("the offset %s has %d values: want %d, for %d heads of %d", o.Name, len(o.Layers[i].Mu), l.Heads*l.KeyDim, l.Heads, l.KeyDim)
	}
	return nil
}

// identity is "" for none.
func (o *Offset) identity() string {
	if o == nil {
		return ""
	}
	return o.Identity
}
