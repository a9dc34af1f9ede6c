package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/cuda"
	gpuengine "github.com/kvgen/kvgen/runtime/gpu/engine"
	"github.com/kvgen/kvgen/runtime/model"
)

// devices are what a command may compute on: the processor, or a GPU that is opened when it is first asked for.
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

// readLayers reads --gpu-layers: a number, all, or auto, which is -1 in llama.cpp, for all where there is a GPU.
func (m *modelFlags) readLayers() (automatic bool, err error) {
	switch strings.ToLower(m.layers) {
	case "auto", "-1":
		m.gpuLayers = 0
		return true, nil
	case "all", "-2":
		m.gpuLayers = allLayers
		return false, nil
	case "":
		m.gpuLayers = 0
		return false, nil
	}
	n, err := strconv.Atoi(m.layers)
	if err != nil || n < 0 {
		return false, fmt.Errorf("--gpu-layers %q: want 0 for none, all or 99 for all, or auto", m.layers)
	}
	m.gpuLayers = min(n, allLayers)
	return false, nil
}

// checkDevice reads --device and --gpu-layers and opens what they name. Layers on a GPU that is not there are run by the
// processor, as llama.cpp does, with a note; a device that is named must be there.
func (m *modelFlags) checkDevice(e *environment) error {
	automatic, err := m.readLayers()
	if err != nil {
		return err
	}
	name, number := strings.ToLower(m.device), 0
	if name == "none" { // llama.cpp's word
		name = "cpu"
	}
	if n, ok := strings.CutPrefix(name, "cuda"); ok && n != "" && n[0] != ':' {
		name = "cuda:" + n // CUDA0 of llama.cpp
	}
	if name == "" && (m.gpuLayers > 0 || automatic) {
		name = "cuda"
	}
	m.backend = nil
	kind, n, numbered := strings.Cut(name, ":")
	if strings.Contains(name, ",") {
		return fmt.Errorf("--device %q: one GPU runs the whole model: want cpu, cuda or cuda:NUMBER", m.device)
	}
	if numbered {
		if number, err = strconv.Atoi(n); err != nil || number < 0 || number > 255 {
			return fmt.Errorf("--device %q: want a number from 0 to 255 after the colon", m.device)
		}
	}
	switch {
	case name == "" || name == "cpu":
		if m.gpuLayers > 0 {
			m.notes = append(m.notes, fmt.Sprintf("--gpu-layers %s: the processor runs the model: --device %s", m.layers, m.device))
			m.gpuLayers = 0
		}
		if m.nvrtc != "" {
			return fmt.Errorf("--nvrtc %s: kernels are compiled for --device cuda alone", m.nvrtc)
		}
		return nil
	case kind != "cuda":
		return fmt.Errorf("--device %q: want cpu, cuda or cuda:NUMBER", m.device)
	}
	b, err := e.devices.gpu(number)
	if err != nil {
		if m.device != "" {
			return m.cannot("--device %s: %v", name, err)
		}
		if !automatic {
			m.notes = append(m.notes, fmt.Sprintf("--gpu-layers %s: the processor runs the model: %v", m.layers, err))
		}
		m.gpuLayers = 0
		return nil
	}
	b.cuda.Compiler.Text = e.texts
	b.cuda.Compiler.Notice = func(text string) { fmt.Fprintf(e.stderr, "note: %s\n", text) }
	if m.nvrtc != "" {
		b.cuda.Compiler.Use(m.nvrtc)
	}
	if m.backend = b; m.batch == 0 {
		m.batch = deviceBatch
	}
	return nil
}

// deviceBatch is how many tokens of a prompt go through a GPU together: matrices are unpacked once for all of them.
const deviceBatch = 1024

// on is the device of model.Options, nil for the processor.
func (m *modelFlags) on() model.Device {
	if m.backend == nil {
		return nil
	}
	return m.backend
}

// wholeModel refuses to keep some of the layers of a model on the processor.
func (m *modelFlags) wholeModel(layers int) error {
	if m.backend != nil && m.gpuLayers > 0 && m.gpuLayers < layers {
		return m.cannot("--gpu-layers %s: the model has %d layers, and all of them go to the GPU", m.layers, layers)
	}
	return nil
}

// computedBy names what computes: an instruction set, or a GPU.
func (m *modelFlags) computedBy() string {
	if m.backend != nil {
		return fmt.Sprintf("cuda sm_%d, %s", m.backend.cuda.Arch, m.backend.cuda.Name)
	}
	return m.table.ISA()
}
