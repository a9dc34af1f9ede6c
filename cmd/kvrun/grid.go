package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
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
		names = append(names, product(g.typesK, g.typesV, g.rot, g.extras)...)
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
		cells = append(cells, c)
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

// product is every key type with every value type, rotation and extra, as cells are spelled.
func product(typesK, typesV, rot, extras string) (names []string) {
	for _, k := range strings.Split(typesK, ",") {
		for _, v := range strings.Split(typesV, ",") {
			for _, r := range strings.Split(rot, ",") {
				for _, x := range strings.Split(extras, ",") {
					names = append(names, cellName(k, v, r, x))
				}
			}
		}
	}
	return names
}

// cellName spells a cell as shortly as it can be. extra is an offset, rows that stay exact behind an @, both, or off.
func cellName(k, v, rot, extra string) string {
	offset, ends, kept := strings.Cut(extra, "@")
	name := k
	if offset != "off" && offset != "" {
		name += "-" + offset
	}
	if name != k || k != v {
		name += "/" + v
	}
	if rot != "off" {
		name += ":" + rot
	}
	if kept {
		name += "@" + ends
	}
	return name
}

// unrotated is a cell's name without what it says of rotation behind a colon, and that.
func unrotated(name string) (rest, rot string) {
	types, more, ok := strings.Cut(name, ":")
	if !ok {
		return name, ""
	}
	rot, ends, kept := strings.Cut(more, "@")
	if kept {
		types += "@" + ends
	}
	return types, rot
}

// studyCells are the study's cells, and the project's own types at equal and at fewer bits, in blocks that fit all heads.
func (s *session) studyCells() (names []string) {
	for _, types := range studyTypes {
		k, v, two := strings.Cut(types, "/")
		if !two {
			v = k
		}
		for _, r := range policy.RotatedSides {
			names = append(names, cellName(k, v, r, "off"))
		}
	}
	block := 128
	for _, l := range s.KVLayers() {
		for block > 32 && (l.KeyDim%block != 0 || l.ValueDim%block != 0) {
			block /= 2
		}
	}
	own := func(bits int) string { return policy.OwnType(s.table, bits, block) }
	return append(names, "q8_0/turbo3", own(6), own(4), cellName(own(5), own(3), "off", "off"), own(3))
}
