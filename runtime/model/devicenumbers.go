package model

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kvgen/kvgen/runtime/cpu"
	"github.com/kvgen/kvgen/runtime/program"
)

// On a device rows of the cache are not looked at one by one, and an encoder may store a NaN as 0.
// So what keys and values are made of is looked at there before it goes to the device; whatever
// else is no number reaches the logits.

// rowNumbers refuses a model whose weights of K or V are no numbers. They are a few hundredths of
// all weights, and looked at once.
func (m *Model) rowNumbers() error {
	m.looked.Do(func() { m.lookErr = m.lookAtRows() })
	return m.lookErr
}

func (m *Model) lookAtRows() error {
	type job struct {
		layer  int
		side   string
		weight *program.Weight
		norm   *program.NormWeights
	}
	var jobs []job
	for i, a := range m.program.Attention {
		if len(a.QKV.Parts) > 1 {
			jobs = append(jobs, job{m.program.KV[i].Index, "K", a.QKV.Parts[1], a.KNorm})
		}
		if len(a.QKV.Parts) > 2 {
			jobs = append(jobs, job{m.program.KV[i].Index, "V", a.QKV.Parts[2], a.VNorm})
		}
	}
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, min(len(jobs), runtime.GOMAXPROCS(0)))
	for w := range errs {
		group.Go(func() {
			errs[w] = m.File.Guard(func() error {
				for i := next.Add(1) - 1; i < int64(len(jobs)); i = next.Add(1) - 1 {
					if j := jobs[i]; !weightNumbers(j.weight) || j.norm != nil && !(finite(j.norm.W) && finite(j.norm.B)) {
						return fmt.Errorf("layer %d: weights of %s are no numbers: the file is damaged", j.layer, j.side)
					}
				}
				return nil
			})
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// weightNumbers says whether all weights and biases of a matrix are.
func weightNumbers(w *program.Weight) bool {
	x, n, impl := make([]float32, w.N), w.Type.RowBytes(w.N), w.Type.Best()
	for _, data := range w.Data {
		for ; len(data) > 0; data = data[n:] {
			impl.Decode(x, data[:n])
			if !finite(x) {
				return false
			}
		}
	}
	return finite(w.Bias)
}

func finite(x []float32) bool {
	s := cpu.SumSquares(x)
	return s-s == 0
}
