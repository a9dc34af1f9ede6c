package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/model"
)

// devices are what a command may compute on: the processor, or a GPU that is opened when it is first asked for.
type devices struct {
	open map[int]*cuda.Backend // GPUs by number
	find func(number int) (*cuda.Device, *cuda.Compiler, error)
}

// gpu is a GPU, which is the same for everything that a process does.
func (d *devices) gpu(number int) (*cuda.Backend, error) {
	if b, ok := d.open[number]; ok {
		return b, nil
	}
	device, compiler, err := d.find(number)
	if err != nil {
		return nil, err
	}
	if d.open == nil {
		d.open = map[int]*cuda.Backend{}
	}
	d.open[number] = cuda.NewBackend(device, compiler)
	return d.open[number], nil
}

// close gives all GPUs back.
func (d *devices) close() {
	for _, b := range d.open {
		b.Close()
	}
	d.open = nil
}

// checkDevice reads --device and --gpu-layers and opens what they name.
func (m *modelFlags) checkDevice(e *environment) error {
	name, number := m.device, 0
	if name == "" && m.gpuLayers > 0 {
		name = "cuda"
	}
	m.backend = nil
	if m.gpuLayers < 0 {
		return fmt.Errorf("--gpu-layers %d: want 0 for none, or all layers of the model, such as 99", m.gpuLayers)
	}
	kind, n, numbered := strings.Cut(name, ":")
	if numbered {
		var err error
		if number, err = strconv.Atoi(n); err != nil || number < 0 || number > 255 {
			return fmt.Errorf("--device %q: want a number from 0 to 255 after the colon", m.device)
		}
	}
	switch {
	case name == "" || name == "cpu":
		if m.gpuLayers > 0 {
			return fmt.Errorf("--gpu-layers %d with --device cpu", m.gpuLayers)
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
		asked := "--device " + name
		if m.device == "" {
			asked = fmt.Sprintf("--gpu-layers %d", m.gpuLayers)
		}
		return m.cannot("%s: %v", asked, err)
	}
	b.Compiler.Texts = e.texts
	b.Compiler.Notice = func(text string) { fmt.Fprintf(e.stderr, "note: %s\n", text) }
	if m.nvrtc != "" {
		b.Compiler.Use(m.nvrtc)
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
		return m.cannot("--gpu-layers %d: the model has %d layers, and all of them go to the GPU", m.gpuLayers, layers)
	}
	return nil
}

// computedBy names what computes: an instruction set, or a GPU.
func (m *modelFlags) computedBy() string {
	if m.backend != nil {
		return fmt.Sprintf("cuda sm_%d, %s", m.backend.Arch, m.backend.Name)
	}
	return isaInUse()
}
