package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
)

// studyTypes are the pairs of the study, each in all four rotations (TheTom/llama-cpp-turboquant, pull request 111).
var studyTypes = []string{"q8_0", "q4_0", "q8_0/turbo4", "turbo4", "turbo3"}

// grid is the cells of the flags: those listed, those of the types, or the study's and the project's own.
func (s *session) grid(f *sweepFlags) ([]lab.Cell, error) {
	g := &f.grid
	names, asked := slices.Clone(g.cells), true
	switch {
	case g.typesK != "" || g.typesV != "":
		if g.typesK == "" || g.typesV == "" {
			return nil, fmt.Errorf("--types-k and --types-v: want both")
		}
		names = append(names, product(g.typesK, g.typesV, g.rot)...)
	case len(names) == 0 && f.byLayer == "":
		names, asked = s.studyCells(), false
	}
	var cells []lab.Cell
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		c, err := s.cellOf(name)
		if err != nil && !asked {
			s.notes = append(s.notes, fmt.Sprintf("%s is left out: it does not fit this model", name))
			continue
		}
		if err != nil {
			return nil, err
		}
		cells = append(cells, lab.Cell{Name: c.Name, Plan: c.Plan})
	}
	if f.byLayer != "" {
		more, err := s.byLayer(f)
		if err != nil {
			return nil, err
		}
		cells = append(cells, more...)
	}
	return cells, nil
}

// product is every key type with every value type and rotation, as cells are spelled.
func product(typesK, typesV, rot string) (names []string) {
	for _, k := range strings.Split(typesK, ",") {
		for _, v := range strings.Split(typesV, ",") {
			for _, r := range strings.Split(rot, ",") {
				names = append(names, cellName(k, v, r))
			}
		}
	}
	return names
}

// cellName spells a cell as shortly as it can be.
func cellName(k, v, rot string) string {
	if k != v {
		k += "/" + v
	}
	if rot == "off" {
		return k
	}
	return k + ":" + rot
}

// studyCells are the study's cells, and the project's own types at equal and at fewer bits, in blocks that fit all heads.
func (s *session) studyCells() (names []string) {
	for _, types := range studyTypes {
		k, v, two := strings.Cut(types, "/")
		if !two {
			v = k
		}
		for _, r := range turns {
			names = append(names, cellName(k, v, r))
		}
	}
	block := 128
	for _, l := range s.KVLayers() {
		for block > 32 && (l.KeyDim%block != 0 || l.ValueDim%block != 0) {
			block /= 2
		}
	}
	own := func(bits int) string { return fmt.Sprintf("lm%d_%d", bits, block) }
	return append(names, "q8_0/turbo3", own(6), own(4), cellName(own(5), own(3), "off"), own(3))
}
