// Package engine runs a model's Program on a GPU: every step is compiled to launches once, and a
// batch of a token of each sequence is recorded and replayed. It also says how much memory that
// takes.
package engine
