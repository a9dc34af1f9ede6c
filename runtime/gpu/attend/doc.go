// Package attend computes attention over the rows of a cache, packed and exact ones, for the
// queries of one sequence or of several. The contract is that of package runtime/attention.
//
// A kernel is compiled for one shape: a pair of types, the sizes of heads, what the scores need.
package attend
