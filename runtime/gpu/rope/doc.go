// Package rope makes the cosines and sines of RoPE on a device: those of the positions of a batch,
// and tables for the scores of keys from which an offset was taken.
package rope
