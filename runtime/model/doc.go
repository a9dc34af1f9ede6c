// Package model loads GGUF transformers and runs them.
//
// An architecture is one page: a function that reads its hyperparameters and returns a Graph, which
// names tensors and lists blocks (attention, feed-forward, experts, ...) as data. All architectures
// are listed in arch.go. Loading binds the graph to the tensors of a file, checking every shape;
// running it is the same code for a prompt and for one token.
//
//	m, err := model.Open(path, kernels.Default())                // weights are mapped, not read
//	plan, err := kv.NewPlan(m.KVLayers(), policy)               // how layers store keys and values
//	c, err := m.NewContext(model.Options{Plan: plan, Size: 2048})
//	logits, err := c.Prefill(tokens)                            // of the last token
//	logits, err = c.Decode(token)
//
// A context has Options.Sequences of them, which EvalBatch runs together; CopySeq shares what one
// holds with another.
//
// Identity tells models apart by what moves their logits: hyperparameters as they were read, the
// tokenizer, all weights. Files that depend on a model hold it. Digests keeps the part that takes
// seconds.
//
// Shapes in comments are row-major, outermost first; n is the number of tokens of a batch.
package model
