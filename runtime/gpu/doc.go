// Package gpu is the seam between what any GPU does and what one does. A Driver (runtime/cuda)
// opens a Device, which allocates, copies, compiles programs and launches their kernels. Everything
// above it is written against this package alone, without unsafe:
//
//	gpu          Device, buffers with bounds, the queue that orders work, programs made of text
//	gpu/args     the arguments of every kernel, as structs from which device text is generated
//	gpu/cells    which position each cell of a cache holds, as kernels read it
//	gpu/rope     cosines and sines of RoPE
//	gpu/rows     rows of a cache: encoded, decoded, moved, evicted from the exact window
//	gpu/qkv      norms and RoPE of heads, and storing K and V
//	gpu/attend   attention over the rows
//	gpu/product  weights, and products with one, few and many tokens
//	gpu/engine   a model's Program as launches, and the memory it takes
//
// Which drivers there are is in package drivers. These implement Device: the drivers of CUDA and of
// Metal; the same over emulations (runtime/cuda/emulate; runtime/metal/fake with
// runtime/metal/emulate), which need no GPU; and a Rehearsal, which counts what would be allocated.
package gpu
