// Package demo holds the embedded model, so that every command works with no file given, and a text
// to measure it on.
//
// The model is a 5.1-million-parameter llama (6 layers, 256 wide, 4 query and 2 KV heads of 64,
// 1024 positions, 1536 byte-level BPE tokens) stored as GGUF v3 with Q8_0 matrices. The project
// trained it on 1.3 MB of public-domain text, mostly Shakespeare, the rest from four novels. It
// continues a prompt in recognisable English and knows nothing: it is there to show and to test the
// machinery.
//
// The text, the scripts that made the model and its figures are in tools/train.
package demo

import _ "embed"

//go:embed model.gguf
var model []byte

//go:embed heldout.txt
var corpus string

// Model returns the GGUF file, 5.5 MB. The slice is shared by all callers and must not be written
// to.
func Model() []byte { return model }

// Corpus returns the held-out text: 68 KiB of UTF-8, 27801 of the model's tokens, from the ends of
// the five works the model was trained on. No part of it was used to train or to choose the model.
func Corpus() string { return corpus }
