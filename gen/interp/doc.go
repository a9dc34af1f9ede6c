// Package interp runs any quantisation type straight from its checked spec, by walking the
// expressions of package spec. It is the second oracle of the kernels, and what runs the types that
// package live adds to a program.
//
// It knows nothing of the compiler's intermediate program or of any target, so a fault there cannot
// hide here. It is itself held, bit for bit, to the hand-written formats of package ref.
//
// The meaning it gives to the array language:
//   - Every operation rounds to float32 and nothing is fused. Integers are int32; the few that
//     package spec lets wrap do.
//   - Every expression has a value in each of the Block lanes; a scalar has the same value in all.
//   - A reduction runs from lane 0 up. sum starts from 0; absmax and extremum start from 0 and move
//     on a strictly larger magnitude; min and max start from the largest finite float of the other
//     sign and move on a strict comparison. So a NaN takes no part in a maximum or minimum, as
//     package ref has it.
//   - A field that encode does not assign is stored as zero bits. A code is stored by the low bits
//     that its parts name.
//
// Speed is no aim: a block takes microseconds to milliseconds.
package interp
