// Package ref holds the oracles that every kernel is compared with: each published block format,
// the Walsh-Hadamard transforms and attention, as plain loops written from the format's definition
// and not from the spec or the compiler.
//
// Two kinds of exactness are used.
//
// Formats and transforms are exact to the bit. Every elementary operation rounds to float32, sums
// run from the first element to the last, and nothing is fused. A product that feeds a sum is
// written float32(x*y) + z, because Go may otherwise fuse x*y + z on arm64 and on amd64 from
// GOAMD64=v3.
//
// Dot products, softmax and attention accumulate in float64, so that a kernel's own rounding is all
// that a comparison sees.
//
// Rules that the formats leave open, and how they are fixed here:
//   - A NaN takes no part in a maximum or minimum: those only move on a strict comparison.
//   - Conversion to an integer truncates towards zero; NaN and anything outside int32 become 0.
//   - A half that overflows becomes an infinity; nothing saturates. A NaN becomes sign|0x7E00.
//   - An iq4_nl block whose largest magnitude is below 1e-15 has scale 0 and the codes of the value
//     0. (ggml leaves there whatever codes the block before had.)
//
// Sizes are the caller's business: a length that is not a whole number of blocks, or a destination
// that is too short, panics as an index out of range does.
package ref
