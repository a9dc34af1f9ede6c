// Package quantize writes a model with its weights in other types.
//
//	plan, err := quantize.NewPlan(source, table, options) // which tensor gets which type, and why
//	result, err := plan.Write(ctx, path, threads, progress)
//
// Which tensors are quantised, and what becomes of the output matrix, is as llama-quantize has it;
// [Options] says how. Rows are read as f32 and given to the type's own encoder, the one that its
// text in kernels/spec describes. With [Options.Search] several encodings of a block are compared
// under weights, those of an importance matrix where there is one.
//
// A file is written beside its name, a journal of finished tensors beside that. A run that was
// ended, in whatever way, is continued by the next one with the same source and plan, and gives the
// same bytes. What is kept in memory is a few rows for each thread.
package quantize
