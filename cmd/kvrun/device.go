package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/cuda"
	gpuengine "github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/model"
)

// devices are what a command may compute on: the processor, or a GPU that is opened when it is
// first asked for.
type devices struct {
	open map[int]*backend // GPUs by number
	find func(number int) (*cuda.Device, error)
}

// backend is a GPU with what runs models on it.
type backend struct {
	*gpuengine.Backend
	cuda *cuda.Device
}

// gpu is a GPU, which is the same for everything that a process does.
func (d *devices) gpu(number int) (*backend, error) {
	if b, ok := d.open[number]; ok {
		return b, nil
	}
	device, err := d.find(number)
	if err != nil {
		return nil, err
	}
	if d.open == nil {
		d.open = map[int]*backend{}
	}
	d.open[number] = &backend{gpuengine.NewBackend(device), device}
	return d.open[number], nil
}

// close gives all GPUs back.
func (d *devices) close() {
	for _, b := range d.open {
		b.cuda.Close()
	}
	d.open = nil
}

// allLayers is --gpu-layers where all are asked for.
const allLayers = 1 << 20

// readLayers reads --gpu-layers: a number, all, or auto, which is -1 in llama.cpp, for all where
// there is a GPU. Without the flag it is all on a GPU that --device names.
func (m *modelFlags) readLayers(named bool) (automatic bool, err error) {
	switch strings.ToLower(m.layers) {
	case "auto", "-1":
		m.gpuLayers = allLayers
		return true, nil
	case "all", "-2":
		m.gpuLayers = allLayers
		return false, nil
	case "":
		if m.gpuLayers = 0; named {
			m.gpuLayers = allLayers
		}
		return false, nil
	}
	n, err := strconv.Atoi(m.layers)
	if err != nil || n < 0 {
		return false, fmt.Errorf("--gpu-layers %q: want a number of layers, the output counted as one after the last, 0 for none, all or auto", m.layers)
	}
	m.gpuLayers = min(n, allLayers)
	return false, nil
}

// mostGPUs bounds the GPUs of a list.
const mostGPUs = 16

// readDevices reads --device: cpu, or GPUs by number. llama.cpp's CUDA0 and none are known. Without
// the flag it is GPU 0.
func (m *modelFlags) readDevices() (numbers []int, cpu bool, err error) {
	switch strings.ToLower(m.device) {
	case "":
		return []int{0}, false, nil
	case "cpu", "none":
		return nil, true, nil
	}
	for _, name := range strings.Split(strings.ToLower(m.device), ",") {
		n, ok := strings.CutPrefix(name, "cuda")
		n, numbered := strings.CutPrefix(n, ":")
		if !ok {
			return nil, false, fmt.Errorf("--device %q: want cpu, cuda, cuda:NUMBER or a list of GPUs such as cuda:0,cuda:1", m.device)
		}
		number := 0
		if n != "" || numbered {
			if number, err = strconv.Atoi(n); err != nil || number < 0 || number > 255 {
				return nil, false, fmt.Errorf("--device %q: want a number from 0 to 255 after the colon", m.device)
			}
		}
		if numbers = append(numbers, number); len(numbers) > mostGPUs {
			return nil, false, fmt.Errorf("--device %q: at most %d GPUs", m.device, mostGPUs)
		}
		if slices.Index(numbers, number) < len(numbers)-1 {
			return nil, false, fmt.Errorf("--device %q: GPU %d is named twice", m.device, number)
		}
	}
	return numbers, false, nil
}

// readSplit reads --tensor-split: a share for each GPU, none for those that it does not reach.
// Zeros alone are no shares, as in llama.cpp.
func (m *modelFlags) readSplit(gpus int) error {
	m.shares = nil
	if m.split == "" {
		return nil
	}
	sum := 0.0
	for _, text := range strings.FieldsFunc(m.split, func(r rune) bool { return r == ',' || r == '/' }) {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !(x >= 0 && x <= 1e6) {
			return fmt.Errorf("--tensor-split %q: want a number from 0 to 1000000 for each GPU, such as 3,1", m.split)
		}
		m.shares, sum = append(m.shares, x), sum+x
	}
	switch {
	case gpus < 2 && sum > 0:
		m.notes = append(m.notes, fmt.Sprintf("--tensor-split %s: --device names less than two GPUs to share the layers out over", m.split))
		m.shares = nil
		return nil
	case gpus > 1 && len(m.shares) > gpus:
		return fmt.Errorf("--tensor-split %q: %d shares for %d GPUs", m.split, len(m.shares), gpus)
	case sum == 0:
		m.shares = nil
		return nil
	}
	for len(m.shares) < gpus {
		m.shares = append(m.shares, 0)
	}
	return nil
}

// checkDevice reads the flags that say what computes, and opens the GPUs that they name. Without a
// GPU the processor runs the layers that were for it, as in llama.cpp, with a note. A device that
// is named must be there.
func (m *modelFlags) checkDevice(e *environment) error {
	m.backends, m.places = nil, nil
	numbers, cpu, err := m.readDevices()
	if err != nil {
		return err
	}
	automatic, err := m.readLayers(m.device != "" && !cpu)
	if err != nil {
		return err
	}
	gpus := len(numbers)
	if cpu || m.gpuLayers == 0 {
		gpus = 0
	}
	if err := m.readSplit(gpus); err != nil {
		return err
	}
	if gpus == 0 {
		switch {
		case cpu && m.gpuLayers > 0 && !automatic:
			m.notes = append(m.notes, fmt.Sprintf("--gpu-layers %s: the processor runs the model: --device %s", m.layers, m.device))
		case !cpu && m.device != "":
			m.notes = append(m.notes, fmt.Sprintf("--device %s: the processor runs the model: --gpu-layers %s", m.device, m.layers))
		}
		if m.nvrtc != "" {
			return fmt.Errorf("--nvrtc %s: kernels are compiled for --device cuda alone", m.nvrtc)
		}
		m.gpuLayers = 0
		return nil
	}
	for _, number := range numbers {
		b, err := e.devices.gpu(number)
		if err == nil {
			m.backends = append(m.backends, b)
			continue
		}
		m.backends, m.gpuLayers, m.shares = nil, 0, nil
		if m.device != "" {
			name := fmt.Sprintf("cuda:%d", number)
			if strings.EqualFold(m.device, "cuda") {
				name = "cuda"
			}
			return m.cannot("--device %s: %v", name, err)
		}
		if !automatic {
			m.notes = append(m.notes, fmt.Sprintf("--gpu-layers %s: the processor runs the model: %v", m.layers, err))
		}
		return nil
	}
	for _, b := range m.backends {
		b.cuda.Compiler.Text = e.texts
		b.cuda.Compiler.Notice = func(text string) { fmt.Fprintf(e.stderr, "note: %s\n", text) }
		if m.nvrtc != "" {
			b.cuda.Compiler.Use(m.nvrtc)
		}
	}
	if m.batch == 0 {
		m.batch = deviceBatch
	}
	return nil
}

// deviceBatch is how many tokens of a prompt go through a GPU together. Matrices are unpacked once
// for all of them.
const deviceBatch = 1024

// gpuBudget is the memory of a GPU and what a model takes of it, for kvrun info. All sizes are
// bytes.
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
	Parallel    int    `json:"n_parallel"` // sequences of n_ctx positions that this is for
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
