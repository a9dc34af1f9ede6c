package main

import (
	"fmt"
	"io"

	"github.com/kvgen/kvgen/runtime/model"
)

// gpuBudget is what kvrun info says of a GPU: its memory, and what a model takes of it. All sizes are bytes.
type gpuBudget struct {
	GPU         string `json:"gpu"`
	Arch        string `json:"compute_capability"`
	Total       uint64 `json:"total"`
	Free        uint64 `json:"free"`
	Weights     uint64 `json:"weights"`
	Workspace   uint64 `json:"workspace"` // of a context with batches of n_batch
	Cache       uint64 `json:"cache"`     // of n_ctx positions
	PerThousand uint64 `json:"cache_per_1024"`
	Longest     int    `json:"longest_ctx"` // that fits, up to what the model was trained for
	Fits        bool   `json:"fits"`
	Parallel    int    `json:"n_parallel"` // sequences of n_ctx positions each, which all of this is for
}

// gpuBudgets asks the back ends that have layers of the model.
func (s *session) gpuBudgets(sequences int) (all []*gpuBudget, err error) {
	placed, err := s.Placed(s.flags.places)
	if err != nil {
		return nil, err
	}
	for _, p := range placed {
		if g, ok := p.Device.(*backend); ok {
			b, err := s.gpuBudget(g, p.Span, sequences)
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
	}
	return all, nil
}

// gpuBudget asks a back end for its part, which compiles the kernels and allocates nothing.
func (s *session) gpuBudget(g *backend, span model.Span, sequences int) (*gpuBudget, error) {
	o := model.Options{Plan: s.plan, Size: s.defaultSize(), Batch: s.flags.batch, Math: s.flags.kind, Sequences: sequences}
	o.Cells = sequences * o.Size
	b, err := g.Budget(s.Model, span, o)
	if err != nil {
		return nil, err
	}
	o.Size += 1024
	o.Cells = sequences * o.Size
	more, err := g.Budget(s.Model, span, o)
	if err != nil {
		return nil, err
	}
	return &gpuBudget{GPU: g.cuda.Name, Arch: fmt.Sprintf("%d.%d", g.cuda.Arch/10, g.cuda.Arch%10), Total: b.Total, Free: b.Free, Weights: b.Weights, Workspace: b.Workspace,
		Cache: b.Cache, PerThousand: more.Cache - b.Cache, Longest: b.Longest, Fits: b.Need() <= b.Free, Parallel: sequences}, nil
}

func (b *gpuBudget) print(w io.Writer) error {
	mib := func(n uint64) float64 { return float64(n) / (1 << 20) }
	fits := "fits"
	if !b.Fits {
		fits = "DOES NOT FIT"
	}
	each := ""
	if b.Parallel > 1 {
		each = fmt.Sprintf(" for each of %d sequences", b.Parallel)
	}
	_, err := fmt.Fprintf(w, "GPU: %s, compute capability %s, %.1f of %.1f MiB free\n  weights %.1f MiB, workspace %.1f MiB, cache %.1f MiB, %.2f MiB for 1024 positions more%s: %s\n  the longest context that fits: %d positions%s\n",
		b.GPU, b.Arch, mib(b.Free), mib(b.Total), mib(b.Weights), mib(b.Workspace), mib(b.Cache), mib(b.PerThousand), each, fits, b.Longest, each)
	return err
}
