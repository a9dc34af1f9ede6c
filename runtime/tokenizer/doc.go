// Package tokenizer turns text into token ids and back, for the vocabularies that GGUF files carry
// in their metadata.
//
// Two families are read. "llama" (SPM) joins neighbouring pieces by the highest score. "gpt2" and
// "gemma4" (BPE) join them by the rank of their merge, inside words that a pre-tokeniser cut first;
// tokenizer.ggml.pre names it. Ids are those that the tokenizer gives which the model was trained
// with. Where llama.cpp (src/llama-vocab.cpp, src/unicode.cpp) makes others, Read gives its ids
// too, since perplexities and saved logits are compared with it.
//
// Two differences to both are deliberate. Text that is not valid UTF-8 keeps its bytes where the
// vocabulary can spell them. Decode never "cleans up" spaces. So decoding what was encoded gives
// the same text back, composed where the model's own tokenizer composes it.
package tokenizer
