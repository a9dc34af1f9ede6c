package ref

import (
	_ "embed"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
)

//go:embed grids.txt
var gridsText string

// grids are the points of types that store the number of a group of values, one after the other.
var grids = sync.OnceValue(func() map[string][]float32 {
	all := map[string][]float32{}
	for line := range strings.Lines(gridsText) {
		field := strings.Fields(line)
		if field[0] == "#" {
			continue
		}
		bits, err := strconv.Atoi(field[1])
		packed, err2 := hex.DecodeString(field[3])
		if err != nil || err2 != nil {
			panic("grids.txt: " + field[0])
		}
		var levels, values []float32
		for _, l := range strings.Split(field[2], ",") {
			n, err := strconv.Atoi(l)
			if err != nil {
				panic("grids.txt: " + field[0])
			}
			levels = append(levels, float32(n))
		}
		for _, b := range packed {
			for at := 0; at < 8; at += bits {
				values = append(values, levels[int(b)>>at&(1<<bits-1)])
			}
		}
		all[field[0]] = values
	}
	return all
})
