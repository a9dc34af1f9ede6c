// Package hf reads a model as Hugging Face publishes it, a folder, and gives it as a source of
// runtime/quantize: tensors and metadata as a GGUF file has them.
//
//	config.json             the architecture and its sizes
//	model.safetensors       weights, or model.safetensors.index.json and the files that it names
//	tokenizer.json          vocabulary and merges, byte-level BPE
//	tokenizer_config.json   special tokens and the chat template; may be missing, as may
//	generation_config.json  tokens that end a text, and
//	chat_template.jinja     the template, where it has a file
//
// A family is an entry of a list. What it does not account for is an error that names it: a tensor
// of another name or shape, a setting that changes what is computed, a way of cutting text into
// words. Vectors become f32, as engines want them; rows of Q and K are put into the order of
// adjacent RoPE pairs, where the family's GGUF form has those.
package hf
