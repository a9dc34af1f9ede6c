package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/model"
)

// place shares the model's layers out over the devices, in the proportion of --tensor-split or of
// their free memory.
func (m *modelFlags) place(of *model.Model) error {
	m.places = nil
	if m.backends == nil {
		return nil
	}
	var gpus []model.Device
	var free []float64
	for _, b := range m.backends {
		n, _, err := b.Device.Available()
		if err != nil {
			return err
		}
		gpus, free = append(gpus, b), append(free, float64(n))
	}
	shares := m.shares
	if shares == nil && len(gpus) > 1 {
		shares = free
	}
	places, err := of.Share(m.gpuLayers, gpus, shares)
	if err != nil {
		m.backends = nil
		return m.cannot("--gpu-layers %s: %v", m.layers, err)
	}
	m.places = places
	return nil
}

// onGPUs is how many layers are on GPUs, the output counted as one, and the names of these.
func (s *session) onGPUs() (layers int, gpus string) {
	var names []string
	for _, b := range s.flags.backends {
		names = append(names, b.Limits().Name)
	}
	for _, p := range s.flags.places {
		switch {
		case p.Device == nil:
		case len(s.flags.places) == 1:
			layers = s.Layers + 1
		default:
			layers += p.Layers
		}
	}
	return layers, strings.Join(names, ", ")
}

// driverTitles are what people call the kinds of GPUs.
func (m *modelFlags) driverTitles() string {
	var titles []string
	for _, b := range m.backends {
		if !slices.Contains(titles, b.driver.Title) {
			titles = append(titles, b.driver.Title)
		}
	}
	return strings.Join(titles, ",")
}

// nameOf is a device in a person's words.
func (m *modelFlags) nameOf(d model.Device) string {
	if b, ok := d.(*backend); ok {
		return b.Limits().Name
	}
	return "the processor"
}

// placement is which layers are on which device. The embedding is where layer 0 is.
type placement struct {
	Device string `json:"device"`
	First  int    `json:"first_layer"`
	Layers int    `json:"n_layers"`
	Output bool   `json:"output,omitempty"`
	number int    // of backends, -1 for the processor
}

// placements are the parts of a model that is not on one device alone.
func (s *session) placements() (all []placement, err error) {
	placed, err := s.Placed(s.flags.places)
	if err != nil || len(placed) < 2 {
		return nil, err
	}
	for _, p := range placed {
		x := placement{Device: s.flags.nameOf(p.Device), First: p.Layers.Lo, Layers: p.Layers.Len(), Output: p.Output, number: -1}
		if b, ok := p.Device.(*backend); ok {
			x.number = slices.Index(s.flags.backends, b)
			if len(s.flags.backends) > 1 {
				x.Device = fmt.Sprintf("%s (%d of --device)", x.Device, x.number+1)
			}
		}
		all = append(all, x)
	}
	return all, nil
}

func (p placement) String() string {
	text := ""
	switch p.Layers {
	case 0:
		text = "no layer"
	case 1:
		text = fmt.Sprintf("layer %d", p.First)
	default:
		text = fmt.Sprintf("layers %d-%d", p.First, p.First+p.Layers-1)
	}
	switch {
	case p.Output && p.Layers == 0:
		text = "the output"
	case p.Output:
		text += " and the output"
	}
	return text + ": " + p.Device
}

// computedBy names what computes: an instruction set, a GPU, or all that have layers.
func (m *modelFlags) computedBy() string {
	var names []string
	if model.OnProcessor(m.places) {
		names = append(names, m.table.ISA())
	}
	for _, b := range m.backends {
		if slices.ContainsFunc(m.places, func(p model.Placement) bool { return p.Device == model.Device(b) }) {
			names = append(names, fmt.Sprintf("%s %s, %s", b.driver.Name, b.Limits().Arch, b.Limits().Name))
		}
	}
	if len(m.places) > 1 {
		for i, p := range m.places {
			names[i] += fmt.Sprintf(" (%d of the layers)", p.Layers)
		}
	}
	return strings.Join(names, " + ")
}
