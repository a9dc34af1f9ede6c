package model

import (
	"fmt"
	"slices"
	"strings"
)

// harmless are tensors that families do without which do not use them, by the end of the name: they
// hold what is computed from the header, too.
var harmless = []string{"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight", "attn_rot_embd.weight", "rotary_emb.inv_freq"}

// Unused is the tensors of a file that its model does not use.
type Unused struct {
	// blocks that predict tokens beyond the next one, which are not run here
	Predicting []string `json:"nextn,omitempty"`
	// that change nothing in this family, or are empty
	Harmless []string `json:"harmless,omitempty"`
	// of another architecture than the file says, or of a variant that is not known here
	Strange []string `json:"strange,omitempty"`
}

// unused sorts out the tensors that were not asked for.
func (b *binder) unused(h *Header) (u Unused) {
	for i := range b.f.Tensors() {
		t := &b.f.Tensors()[i]
		name := t.Name
		switch layer, ok := layerOf(name); {
		case b.used[name]:
		case ok && h.Next > 0 && layer >= h.Layers || strings.Contains(name, ".nextn."):
			u.Predicting = append(u.Predicting, name)
		case t.Elements() == 0 || slices.ContainsFunc(harmless, func(end string) bool { return strings.HasSuffix(name, end) }):
			u.Harmless = append(u.Harmless, name)
		default:
			u.Strange = append(u.Strange, name)
		}
	}
	return u
}

// layerOf reads the layer out of a tensor's name.
func layerOf(name string) (layer int, ok bool) {
	n, err := fmt.Sscanf(name, "blk.%d.", &layer)
	return layer, n == 1 && err == nil
}

// Unused is the tensors of the file that the model does not use.
func (m *Model) Unused() Unused { return m.unused }

// Notes says of what is not used what somebody should know, a sentence each.
func (u Unused) Notes(arch string) (notes []string) {
	if n := len(u.Predicting); n > 0 {
		notes = append(notes, fmt.Sprintf("the file predicts tokens beyond the next one, too (nextn): that part, %s, is left out and changes no result", tensors(u.Predicting)))
	}
	if n := len(u.Strange); n > 0 {
		verb := "are"
		if n == 1 {
			verb = "is"
		}
		notes = append(notes, fmt.Sprintf("%s %s not used by a %s model: the file may be of another architecture than it says, and its results wrong", tensors(u.Strange), verb, arch))
	}
	return notes
}

// tensors names the first of some tensors and counts them.
func tensors(names []string) string {
	list, n := strings.Join(names[:min(len(names), named)], ", "), len(names)
	switch {
	case n == 1:
		return "tensor " + list
	case n > named:
		return fmt.Sprintf("%d tensors (%s and %d more)", n, list, n-named)
	}
	return fmt.Sprintf("%d tensors (%s)", n, list)
}
