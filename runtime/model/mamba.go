package model

import (
	"fmt"

	"github.com/kvgen/kvgen/runtime/program"
)

// Mamba is a recurrent layer of Mamba-2 (arXiv:2405.21060). Each head keeps a matrix S [Size][Dim],
// which for every token forgets a part, takes up the outer product of B and x, and is read by C:
//
//	z, (x, B, C), dt = In . x;  x, B, C = silu(convolution of them over the last Taps tokens)
//	dt = softplus(dt + Step);  S = exp(dt * Decay) * S + B (dt * x)^T;  y = S^T C + Skip * x
//	y = Out . Norm(y * silu(z))
//
// B and C are of groups of heads, and so is the norm.
type Mamba struct {
	Heads, Dim, Size, Groups, Taps int
	In, Out                        Linear // In: the rows of z, x, B, C and dt
	Conv, Step, Decay, Skip        string
	Norm                           Norm // of every group; left out where the file has none
}

// mamba reads the recurrent layers of the file, with the usual tensor names.
func (h *Header) mamba() Mamba {
	m := Mamba{Taps: h.recurrentSize("ssm.conv_kernel", maxTaps), Heads: h.recurrentSize("ssm.time_step_rank", maxHead),
		Size: h.recurrentSize("ssm.state_size", maxStateSize), Groups: h.recurrentSize("ssm.group_count", maxHead),
		In: "ssm_in", Out: "ssm_out", Conv: "ssm_conv1d", Step: "ssm_dt", Decay: "ssm_a", Skip: "ssm_d", Norm: Norm{Name: "ssm_norm", Eps: h.Eps}}
	inner := h.Int("ssm.inner_size", 0)
	if inner%m.Heads != 0 || m.Heads%m.Groups != 0 {
		h.fail(fmt.Errorf("recurrent layers of %d values in %d heads of %d groups: each must be a multiple of the next", inner, m.Heads, m.Groups))
		m.Heads, m.Groups = 1, 1
	}
	m.Dim = inner / m.Heads
	return m
}

func (m Mamba) bind(b *binder) any {
	inner := m.Heads * m.Dim
	x := &program.MambaStep{Heads: m.Heads, Dim: m.Dim, Size: m.Size, Groups: m.Groups, Taps: m.Taps}
	channels := x.Channels()
	x.State = b.state((m.Taps-1)*channels + inner*m.Size)
	x.In, x.Out = b.fuse(b.linear(m.In, b.width, inner+channels+m.Heads)), b.fuse(b.linear(m.Out, inner, b.width))
	x.Conv = b.taps(m.Conv, m.Taps, channels)
	if bias := b.name(m.Conv, "bias"); b.has(bias) {
		x.ConvBias = b.vector(bias, channels)
	}
	x.Step = b.vector(b.name(m.Step, "bias"), m.Heads)
	x.Decay, x.Skip = b.numbers(b.name(m.Decay, ""), m.Heads), b.numbers(b.name(m.Skip, ""), m.Heads)
	if name := b.name(m.Norm.Name, "weight"); b.has(name) {
		x.Norm = &program.NormWeights{Eps: m.Norm.Eps, W: b.table(name, inner/m.Groups, m.Groups)}
	}
	return x
}
