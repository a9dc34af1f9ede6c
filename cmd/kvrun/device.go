package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/gpu"
	gpuengine "github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/program"
)

// gpuName is a GPU of this machine.
type gpuName struct {
	driver *gpu.Driver
	number int
}

func (n gpuName) String() string { return fmt.Sprintf("%s:%d", n.driver.Name, n.number) }

// devices are the GPUs that a command computes on, each opened when it is first asked for.
type devices map[gpuName]*backend

// backend is a GPU with what runs models on it.
type backend struct {
	*gpuengine.Backend
	driver *gpu.Driver
}

// gpu is a GPU, which is the same for everything that a process does. settings are those of all
// drivers.
func (e *environment) gpu(name gpuName, settings map[string]string) (*backend, error) {
	if b, ok := e.devices[name]; ok {
		return b, nil
	}
	device, err := name.driver.Open(name.number, gpu.Options{
		More:     func(file string) (string, bool) { return e.live.Text(name.driver.Name, file) },
		Notice:   func(text string) { fmt.Fprintf(e.stderr, "note: %s\n", text) },
		Settings: settings,
	})
	if err != nil {
		return nil, err
	}
	if e.devices == nil {
		e.devices = devices{}
	}
	e.devices[name] = &backend{gpuengine.NewBackend(device), name.driver}
	return e.devices[name], nil
}

// close gives all GPUs back.
func (d devices) close() {
	for _, b := range d {
		b.Device.Close()
	}
	clear(d)
}

// driverNames are what --device calls the GPUs, with words between them.
func driverNames(between string) string {
	var names []string
	for _, d := range drivers.All() {
		names = append(names, d.Name)
	}
	return strings.Join(names, between)
}

// allLayers is --gpu-layers where all are asked for.
const allLayers = 1 << 20

// gpuByDefault says whether models run on a GPU where no flag says what computes: on Macs whose
// processors have one, as in llama.cpp.
func gpuByDefault(system string) bool { return system == "darwin/arm64" }

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

// readDevices reads --device: cpu, or GPUs by driver and number. llama.cpp's spellings are known:
// no colon before the number, and none. Without the flag it is no GPU by name.
func (m *modelFlags) readDevices() (gpus []gpuName, cpu bool, err error) {
	switch strings.ToLower(m.device) {
	case "":
		return nil, false, nil
	case "cpu", "none":
		return nil, true, nil
	}
	for _, text := range strings.Split(strings.ToLower(m.device), ",") {
		name, err := m.readGPU(text)
		if err != nil {
			return nil, false, err
		}
		if gpus = append(gpus, name); len(gpus) > mostGPUs {
			return nil, false, fmt.Errorf("--device %q: at most %d GPUs", m.device, mostGPUs)
		}
		if slices.Index(gpus, name) < len(gpus)-1 {
			return nil, false, fmt.Errorf("--device %q: GPU %d is named twice", m.device, name.number)
		}
	}
	return gpus, false, nil
}

// gpuNumber is what follows the name of a driver: nothing, for GPU 0, or a number.
var gpuNumber = regexp.MustCompile(`^(:.*|\d+|)$`)

// readGPU reads the name of a GPU in lower case.
func (m *modelFlags) readGPU(text string) (gpuName, error) {
	for _, d := range drivers.All() {
		number, ok := strings.CutPrefix(text, d.Name)
		if !ok || !gpuNumber.MatchString(number) {
			continue
		}
		if number == "" {
			return gpuName{d, 0}, nil
		}
		n, err := strconv.Atoi(strings.TrimPrefix(number, ":"))
		if err != nil || n < 0 || n > 255 {
			return gpuName{}, fmt.Errorf("--device %q: want a number from 0 to 255 after the colon", m.device)
		}
		return gpuName{d, n}, nil
	}
	first := drivers.All()[0].Name
	return gpuName{}, fmt.Errorf("--device %q: want cpu, %s, %s:NUMBER or a list of GPUs such as %s:0,%s:1", m.device, driverNames(", "), first, first, first)
}

// openDevices opens the GPUs that are named; without a name it is GPU 0 of the first driver that
// has one. failed is the GPU that could not be opened.
func (m *modelFlags) openDevices(e *environment, named []gpuName) (failed gpuName, err error) {
	if named != nil {
		for _, name := range named {
			b, err := e.gpu(name, m.settings)
			if err != nil {
				return name, err
			}
			m.backends = append(m.backends, b)
		}
		return gpuName{}, nil
	}
	var all []error
	for _, d := range drivers.All() {
		b, err := e.gpu(gpuName{d, 0}, m.settings)
		if err == nil {
			m.backends = []*backend{b}
			return gpuName{}, nil
		}
		all = append(all, err)
	}
	return gpuName{}, errors.Join(all...)
}

// checkSettings refuses settings of drivers none of whose GPUs is used.
func (m *modelFlags) checkSettings() error {
	for _, d := range drivers.All() {
		if slices.ContainsFunc(m.backends, func(b *backend) bool { return b.driver == d }) {
			continue
		}
		for _, s := range d.Settings {
			if value := m.settings[s.Name]; value != "" {
				return fmt.Errorf("--%s %s: kernels are compiled for --device %s alone", s.Name, value, d.Name)
			}
		}
	}
	return nil
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
	m.readSettings()
	named, cpu, err := m.readDevices()
	if err != nil {
		return err
	}
	automatic, err := m.readLayers(m.device != "" && !cpu)
	if err != nil {
		return err
	}
	byDefault := m.device == "" && m.layers == "" && gpuByDefault(e.system)
	if byDefault {
		m.gpuLayers = allLayers
	}
	gpus := max(1, len(named))
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
		m.gpuLayers = 0
		return m.checkSettings()
	}
	if failed, err := m.openDevices(e, named); err != nil {
		m.backends, m.gpuLayers, m.shares = nil, 0, nil
		switch {
		case named != nil && strings.EqualFold(m.device, failed.driver.Name):
			return m.cannot("--device %s: %v", failed.driver.Name, err)
		case named != nil:
			return m.cannot("--device %v: %v", failed, err)
		case byDefault:
			m.notes = append(m.notes, fmt.Sprintf("the processor runs the model: %v", err))
		case !automatic:
			m.notes = append(m.notes, fmt.Sprintf("--gpu-layers %s: the processor runs the model: %v", m.layers, err))
		}
		return nil
	}
	if err := m.checkSettings(); err != nil {
		return err
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
	Generation  string `json:"compute_capability"` // in its maker's count
	Total       uint64 `json:"total"`
	Free        uint64 `json:"free"`
	Weights     uint64 `json:"weights"`
	Workspace   uint64 `json:"workspace"` // of a context with batches of n_batch
	Cache       uint64 `json:"cache"`     // of n_ctx positions
	PerThousand uint64 `json:"cache_per_1024"`
	Longest     int    `json:"longest_ctx"` // that fits, up to what the model was trained for
	Fits        bool   `json:"fits"`
	Parallel    int    `json:"n_parallel"` // sequences of n_ctx positions that this is for
	generation  string // the maker's word
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
func (s *session) gpuBudget(g *backend, span program.Span, sequences int) (*gpuBudget, error) {
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
	is := g.Limits()
	return &gpuBudget{GPU: is.Name, Generation: is.Generation, generation: g.driver.Generation, Total: b.Total, Free: b.Free, Weights: b.Weights, Workspace: b.Workspace,
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
	_, err := fmt.Fprintf(w, "GPU: %s, %s %s, %.1f of %.1f MiB free\n  weights %.1f MiB, workspace %.1f MiB, cache %.1f MiB, %.2f MiB for 1024 positions more%s: %s\n  the longest context that fits: %d positions%s\n",
		b.GPU, b.generation, b.Generation, mib(b.Free), mib(b.Total), mib(b.Weights), mib(b.Workspace), mib(b.Cache), mib(b.PerThousand), each, fits, b.Longest, each)
	return err
}
