// Package qkv is what happens between the products of Q, K and V and attention: norms of heads,
// RoPE, the scale of queries by position, the offset of keys, and storing K and V in the cache. It
// also gates the output of attention.
package qkv
