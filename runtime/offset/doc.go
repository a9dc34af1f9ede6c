// Package offset makes the key offsets of a model: constants that are taken out of the keys before
// RoPE, so that a cache type spends its codes on what differs between keys. Keys of many models
// have a large constant part, most of all those with a bias. RoPE rotates it by the position, so it
// is a constant only before RoPE.
//
//	Bias(m)                    the model's own bias of K: nothing to measure
//	Measure(ctx, m, tokens)    the mean of K over a text, as a File: JSON beside the model
//	File.Offset(m)             the offset of a File
//
// A File belongs to one model, whose identity it holds. It says what it was measured on, and has a
// checksum.
package offset
