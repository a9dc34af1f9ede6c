package kv

import "fmt"

// EnvRotation is what the LLAMA_ATTN_ROT_* variables ask for, with the meaning they have in TheTom/llama-cpp-turboquant
// (src/llama-kv-cache.cpp): a number other than zero, as C's atoi reads it, is yes; anything else is no.
type EnvRotation struct {
	Locked bool // LLAMA_ATTN_ROT_DISABLE: no rotation, whatever else is asked
	K, V   bool // LLAMA_ATTN_ROT_K_OVERRIDE, LLAMA_ATTN_ROT_V_OVERRIDE
	KTile  int  // LLAMA_ATTN_ROT_K_NROT, default 64; 0 for the largest 64 * 2^k that divides the head
}

// ReadEnvRotation reads the variables through lookup, which is os.LookupEnv in a program.
func ReadEnvRotation(lookup func(string) (string, bool)) EnvRotation {
	number := func(name string, unset int) int {
		if s, ok := lookup("LLAMA_ATTN_ROT_" + name); ok {
			return atoi(s)
		}
		return unset
	}
	return EnvRotation{
		Locked: number("DISABLE", 0) != 0,
		K:      number("K_OVERRIDE", 0) != 0,
		V:      number("V_OVERRIDE", 0) != 0,
		KTile:  number("K_NROT", 64),
	}
}

// Side says whether the variables rotate a side of all layers, and by which tile. quantised is that of the side's type,
// dim the head size of the first layer, uniform whether all layers have that size. why explains a request that comes to
// nothing, which that engine ignores silently; it is empty where nothing was asked for.
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

// atoi reads as C does: spaces, a sign, digits, and whatever follows is ignored. It saturates.
func atoi(s string) int {
	for len(s) > 0 && (s[0] == ' ' || s[0] >= '\t' && s[0] <= '\r') {
		s = s[1:]
	}
	sign := 1
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	n := 0
	for len(s) > 0 && s[0] >= '0' && s[0] <= '9' && n < 1<<24 {
		n = 10*n + int(s[0]-'0')
		s = s[1:]
	}
	return sign * n
}
