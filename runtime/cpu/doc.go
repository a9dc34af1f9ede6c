// Package cpu is what the processor does between the generated kernels: a pool of worker threads,
// the rounding of activations to int8 and the elementwise operations of a transformer, over plain
// []float32.
//
// Every operation computes each output in one place and in a fixed order, so that results do not
// depend on how many threads there are.
package cpu
