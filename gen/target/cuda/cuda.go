// Package cuda is the dialect of gen/target/ctext for NVIDIA GPUs: CUDA C++, which NVRTC compiles
// on first use.
package cuda

import "github.com/kvgen/kvgen/gen/target/ctext"

// Target is the CUDA back end.
var Target = ctext.Target{Dialect: &ctext.Dialect{
	Name:     "cuda",
	Language: "CUDA",
	Folder:   "cuda",
	Suffix:   ".cuh",

	Function: "static __device__",
	Inline:   "static __device__ __forceinline__",
	Init:     "__device__ __forceinline__ explicit",
	Constant: "static constexpr",
	Table:    "static __device__ const",
	Entries:  "const float*",

	Block:   "const unsigned char*",
	Words:   "unsigned*",
	Shared:  "float*",
	Given:   "const float*",
	Out:     "unsigned*",
	Lanes:   32,
	Unroll:  "#pragma unroll",
	Once:    "#pragma once",
	Include: "#include %q",
	Offsets: offsets,

	Join: func(_, expression string) string { return "[](float v, float so_far) { return " + expression + "; }" },

	Levels: func(b ctext.Book) []string { return lookup{b}.levels() },
	Terms:  func(b ctext.Book) int { return lookup{b}.terms() },
}}

// offsets is how device text says where a field is. NVRTC has no offsetof.
const offsets = `
#ifdef __CUDACC_RTC__
#define offset_of(type, field) __INTADDR__(&((type*)0)->field)
#else
#define offset_of(type, field) __builtin_offsetof(type, field)
#endif
`
