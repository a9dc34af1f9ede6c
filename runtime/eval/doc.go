// Package eval measures a model on a text as llama-perplexity does, so that its numbers can be
// compared.
//
// The text's tokens are cut into chunks of one context each, which are run one after another from
// an empty cache. In each chunk the first token is replaced by BOS where the vocabulary adds one,
// and the second half is scored. These are the tokens at positions n/2+1 to n-1, each by the logits
// of the position before it (llama.cpp, tools/perplexity/perplexity.cpp).
//
// A Base is a file of a reference's distributions, in llama-perplexity's form. What the form can be
// checked for is checked; files that were written here have checksums and name their model behind
// what llama-perplexity reads.
package eval
