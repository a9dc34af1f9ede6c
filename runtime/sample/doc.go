// Package sample picks the next token from logits: greedily or at random, after the usual
// restrictions.
//
// A Sampler applies them in llama.cpp's order: what is not allowed, biases, penalties of recent
// tokens, top-k, top-p, min-p, temperature, draw. Each works on what the one before has left.
package sample
