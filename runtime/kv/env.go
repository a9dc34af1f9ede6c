package kv

import (
	"fmt"
	"strconv"
	"strings"
)

// EnvRotation is what the LLAMA_ATTN_ROT_* variables ask for, with the meaning they have in
// TheTom/llama-cpp-turboquant (src/llama-kv-cache.cpp): a number other than zero is yes, unset is
// no. Anything else is no there and an error here.
type EnvRotation struct {
	Locked bool // LLAMA_ATTN_ROT_DISABLE: no rotation, whatever else is asked
	K, V   bool // LLAMA_ATTN_ROT_K_OVERRIDE, LLAMA_ATTN_ROT_V_OVERRIDE
	// LLAMA_ATTN_ROT_K_NROT, default 64; 0 for the largest 64 * 2^k that divides the head
	KTile int
}

// ReadEnvRotation reads the variables through lookup, which is os.LookupEnv in a program.
func ReadEnvRotation(lookup func(string) (string, bool)) (e EnvRotation, err error) {
	number := func(name string, unset int) int {
		name = "LLAMA_ATTN_ROT_" + name
		s, ok := lookup(name)
		if !ok {
			return unset
		}
		if s = strings.TrimSpace(s); s == "" {
			return 0
		}
		n, wrong := strconv.Atoi(s)
		if (wrong != nil || n < -1<<24 || n > 1<<24) && err == nil {
			err = fmt.Errorf("%s=%.64q: want a whole number, 0 for no", name, s)
		}
		return n
	}
	e = EnvRotation{
		Locked: number("DISABLE", 0) != 0,
		K:      number("K_OVERRIDE", 0) != 0,
		V:      number("V_OVERRIDE", 0) != 0,
		KTile:  number("K_NROT", 64),
	}
	return e, err
}

// Side returns the tile by which the variables rotate a side of all layers, 0 for none. quantised
// is a property of the side's type, dim the head size of the first layer, uniform whether all
// layers have that size. why explains a request that comes to nothing, which that engine ignores
// silently; it is empty where nothing was asked for.
func (e EnvRotation) Side(key, quantised bool, dim int, uniform bool) (tile int, why string) {
	name, asked := "LLAMA_ATTN_ROT_V_OVERRIDE", e.V
	if key {
		name, asked = "LLAMA_ATTN_ROT_K_OVERRIDE", e.K
	}
	switch {
	case !asked:
		return 0, ""
	case e.Locked:
		return 0, name + " has no effect: LLAMA_ATTN_ROT_DISABLE is set"
	case !quantised:
		return 0, name + " has no effect: the type is not quantised"
	case !uniform:
		return 0, name + " has no effect: the layers have different head sizes"
	case dim%64 != 0:
		return 0, fmt.Sprintf("%s has no effect: head_dim %d is not a multiple of 64", name, dim)
	case !key:
		return 64, ""
	case e.KTile != 0:
		return e.KTile, ""
	}
	tile = 64
	for dim%(2*tile) == 0 {
		tile *= 2
	}
	return tile, ""
}
