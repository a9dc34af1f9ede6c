package gguf

import "fmt"

// typeNames are the names of ggml types that the kernels' table need not know, by number. An error
// about a weight names its type, and who reads it knows names (format: ggml.h, and from 133 on that
// of ik_llama.cpp).
var typeNames = map[uint32]string{
	4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K",
	24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
	36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
	133: "Q6_0", 134: "IQ1_BN", 135: "IQ2_BN", 137: "IQ2_K", 138: "IQ3_K", 139: "IQ4_K", 140: "IQ5_K", 141: "IQ6_K",
	144: "IQ4_KS", 145: "IQ2_KS", 146: "IQ4_KSS", 152: "IQ5_KS", 153: "IQ2_KT", 154: "IQ3_KT", 155: "IQ4_KT", 156: "IQ3_KS",
	157: "IQ2_KL", 158: "IQ1_KT",
}

// TypeName is what ggml calls a type that is not in the kernels' table, with its number.
func TypeName(id uint32) string {
	if name, ok := typeNames[id]; ok {
		return fmt.Sprintf("%s (type %d)", name, id)
	}
	return fmt.Sprintf("type %d, which has no name that is known here", id)
}
