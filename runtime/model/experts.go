package model

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/program"
)

// Experts is gated networks of one shape of which a token uses a few, added by the weights that a
// router gives them.
type Experts struct {
	Count, Used int
	Inner       int    // rows of Gate and Up of an expert
	Router      Linear // Count rows
	// of the router's and of the experts' input, where the block has no common one
	RouterNorm, Norm Norm
	Gate, Up, Down   Linear // the matrices of all experts in one tensor; without Gate Act is of Up
	// takes the place of Gate and Up where the file has it: the rows of Gate, then those of Up
	GateUp Linear
	Act    program.Activation

	Routing program.Routing // but for its bias
	Bias    string          // tensor of the bias, where the file has it; "" for none
}

// maxExperts is beyond any model.
const maxExperts = 4096

// Experts reads the experts of the file, with the usual tensor names. Count is 0 where it has none;
// Inner is that of the key expert_feed_forward_length, 0 without it.
func (h *Header) Experts() Experts {
	e := Experts{Count: h.OptionalInt("expert_count", 0), Used: h.OptionalInt("expert_used_count", 0), Inner: h.OptionalInt("expert_feed_forward_length", 0),
		Router: "ffn_gate_inp", Gate: "ffn_gate_exps", Up: "ffn_up_exps", Down: "ffn_down_exps", GateUp: "ffn_gate_up_exps"}
	switch {
	case e.Count > maxExperts:
		h.fail(fmt.Errorf("%s = %d: the limit is %d", h.key("expert_count"), e.Count, maxExperts))
	case e.Used > e.Count || e.Count > 0 && e.Used == 0:
		h.fail(fmt.Errorf("%s = %d of %d experts", h.key("expert_used_count"), e.Used, e.Count))
	}
	return e
}

// routed is e with what the file says of its router. gating is that of files without a key,
// normalised says whether weights are brought back to a sum of 1 there.
func (e Experts) routed(h *Header, gating program.Gating, normalised bool) Experts {
	r := program.Routing{Gating: gating, Scale: h.OptionalFloat("expert_weights_scale", 0), AsIs: !h.Flag("expert_weights_norm", normalised)}
	switch f := h.OptionalInt("expert_gating_func", 0); f {
	case 0:
	case 1:
		r.Gating = program.SoftmaxAll
	case 2:
		r.Gating = program.Sigmoid
	default:
		h.fail(fmt.Errorf("%s = %d: it must be 1 for softmax or 2 for sigmoid", h.key("expert_gating_func"), f))
	}
	if r.Groups = h.OptionalInt("expert_group_count", 0); r.Groups < 2 {
		r.Groups = 0
	} else if r.GroupsUsed = h.Int("expert_group_used_count", 0); e.Count%r.Groups != 0 || e.Count/r.Groups < 2 ||
		r.GroupsUsed > r.Groups || r.GroupsUsed*(e.Count/r.Groups) < e.Used {
		h.fail(fmt.Errorf("%d experts in %d groups of which a token uses %d and %d experts: groups must be equal, of 2 or more, and hold as many as are used", e.Count, r.Groups, r.GroupsUsed, e.Used))
		r.Groups = 0
	}
	e.Routing, e.Bias = r, "exp_probs_b"
	return e
}

// with is experts and beside them one network that all tokens use, of so many rows; 0 for none.
func (e Experts) with(shared int) Body {
	if shared == 0 {
		return e
	}
	return Sum{{Body: e}, {Body: sharedExpert(shared)}}
}

// sharedExpert is a network beside experts, with the usual tensor names.
func sharedExpert(inner int) GatedFFN {
	return GatedFFN{Inner: inner, Act: program.SiLU, Gate: "ffn_gate_shexp", Up: "ffn_up_shexp", Down: "ffn_down_shexp"}
}

// after is a network in the first layers, as many as leading_dense_block_count says, and f in the
// others.
func (h *Header) after(f func(layer int) Body) func(layer int) Body {
	dense := h.OptionalInt("leading_dense_block_count", 0)
	return func(i int) Body {
		if i < dense {
			return h.GatedFFN(i, program.SiLU)
		}
		return f(i)
	}
}

// or is the feed-forward network of a layer: e, each expert as large as feed_forward_length, or one
// network in a file without experts.
func (e Experts) or(h *Header, layer int) Body {
	if e.Count == 0 {
		return h.GatedFFN(layer, program.SiLU)
	}
	e.Inner = h.Inner(layer)
	return e
}

// mustExperts is Experts of a family that cannot do without.
func (h *Header) mustExperts() Experts {
	e := h.Experts()
	if e.Count == 0 {
		h.fail(fmt.Errorf("%s is missing", h.key("expert_count")))
		e.Count, e.Used = 1, 1
	}
	return e
}

// sized is e with the size of an expert of a layer: where the file does not give it, the experts
// that a token uses are as large together as feed_forward_length.
func (e Experts) sized(h *Header, layer int) Experts {
	if e.Inner == 0 {
		e.Inner = max(1, h.Inner(layer)/max(1, e.Used))
	}
	return e
}

func (e Experts) bind(b *binder) any {
	x := &program.ExpertsStep{Count: e.Count, Used: e.Used, Inner: e.Inner, Routing: e.Routing, Act: e.Act,
		Router:     b.fuse(b.linear(e.Router, b.width, e.Count)),
		Down:       program.ExpertStack{Products: b.fuse(b.stack(e.Down, e.Inner, b.width, e.Count)), Stride: b.width, Scale: b.scales(e.Down, e.Count)},
		RouterNorm: b.norm(e.RouterNorm, b.width), Norm: b.norm(e.Norm, b.width),
	}
	if bias := b.name(e.Bias, "bias"); e.Bias != "" && b.has(bias) {
		x.Routing.Bias = b.vector(bias, e.Count)
	}
	if e.Gate == "" {
		x.Up = program.ExpertStack{Products: b.fuse(b.stack(e.Up, b.width, e.Inner, e.Count)), Stride: e.Inner, Scale: b.scales(e.Up, e.Count)}
		x.Gate, x.Gateless = x.Up, true
	} else if e.GateUp != "" && b.has(b.name(string(e.GateUp), "weight")) {
		in := b.fuse(b.stack(e.GateUp, b.width, 2*e.Inner, e.Count))
		x.Gate = program.ExpertStack{Products: in, Stride: 2 * e.Inner, Scale: b.scales(e.GateUp, e.Count)}
		x.Up = x.Gate
		x.Up.First = e.Inner
	} else {
		in := b.fuse(b.stack(e.Gate, b.width, e.Inner, e.Count), b.stack(e.Up, b.width, e.Inner, e.Count))
		x.Gate = program.ExpertStack{Products: in, Stride: e.Inner, Scale: b.scales(e.Gate, e.Count)}
		x.Up = program.ExpertStack{Products: in, Part: 1, Stride: e.Inner, Scale: b.scales(e.Up, e.Count)}
	}
	return x
}

// stack is the matrices of count experts, each out x in, with their biases if the file has them.
func (b *binder) stack(l Linear, in, out, count int) *program.Weight {
	name := b.name(string(l), "weight")
	if one, ok := strings.CutSuffix(string(l), "_exps"); ok && !b.has(name) && b.has(b.name(one+".0", "weight")) {
		return b.gather(one, in, out, count)
	}
	w := b.find(name, in, out*count)
	if w == nil {
		return nil
	}
	if t, _ := b.f.Tensor(name); len(t.Dims) > 2 && t.Dims[1] != int64(out) {
		b.fail("tensor %s: shape %v, and the hyperparameters ask for [%d %d %d]", name, t.Dims, in, out, count)
		return nil
	}
	if bias := b.name(string(l), "bias"); b.has(bias) {
		w.Bias = b.table(bias, out, count)
	}
	return w
}

// gather is stack for files of before April 2024, which have a tensor for each expert:
// ffn_gate.0.weight and so on.
func (b *binder) gather(one string, in, out, count int) *program.Weight {
	var all *program.Weight
	for e := range count {
		w := b.find(b.name(fmt.Sprintf("%s.%d", one, e), "weight"), in, out)
		switch {
		case w == nil:
			return nil
		case all == nil:
			all = w
			all.Rows = out * count
			continue
		case w.Type != all.Type:
			b.fail("layer %d: %s of expert 0 is of type %s and that of expert %d of %s: they must be of one", b.layer, one, all.Type.Name, e, w.Type.Name)
			return nil
		}
		all.Data = append(all.Data, w.Data...)
	}
	return all
}

// scales is the factors of experts, nil where the file has none.
func (b *binder) scales(l Linear, count int) []float32 {
	if name := b.name(string(l), "scale"); b.has(name) {
		return b.vector(name, count)
	}
	return nil
}
