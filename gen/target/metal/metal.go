// Package metal is the dialect of gen/target/ctext for the GPUs of Apple: the Metal Shading
// Language, which the system compiles on first use.
package metal

import "github.com/kvgen/kvgen/gen/target/ctext"

// Target is the Metal back end. Its text stays within C++14 without lambdas. Every pointer says
// where it points: blocks are read where a template is told, and packed in threadgroup memory.
var Target = ctext.Target{Dialect: &ctext.Dialect{
	Name:     "metal",
	Language: "Metal",
	Folder:   "metal",
	Suffix:   ".metalh",

	Function: "static inline",
	Reader:   "template <class Bytes> static inline",
	Inline:   "static inline",
	Init:     "explicit",
	Constant: "static constant constexpr const",
	Table:    "constant const",
	Entries:  "constant const float*",

	Block:   "Bytes",
	Words:   "threadgroup atomic_uint*",
	Shared:  "threadgroup float*",
	Given:   "threadgroup const float*",
	Out:     "thread unsigned*",
	Held:    "thread ",
	Lanes:   32,
	Unroll:  "#pragma unroll",
	Once:    "#pragma once",
	Include: "#include %q",
	Address: "device ",
	Long:    "long",
	Double:  "ulong",
	Reason:  ", \"\"",
	Never:   "int",
	Taken: `array as_type atomic_uint constant depth2d device fragment group half half2 half4 intersector kernel mesh metal object_data patch
		ray_data sampler simd_sum texture2d thread threadgroup uchar uint ulong ushort vec vertex warp lane tile page clamp`,
	Offsets: "#define offset_of(type, field) __builtin_offsetof(type, field)\n",

	Join: func(fn, _ string) string { return joins[fn] + "()" },
}}

// joins are the structs of the frames that join a value with what there is so far.
var joins = map[string]string{"min": "Lesser", "max": "Greater", "absmax": "Greater", "extremum": "Farther"}
