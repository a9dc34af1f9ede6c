// Package output holds the one rule by which commands write files: an output never replaces
// what cannot be had again.
//
//   - A file that the command reads is not replaced, by whatever name or link it is given.
//   - A file of another kind is not replaced: kinds are told apart by what files hold, see [Kind].
//   - An older result of the same kind is replaced with --force alone. What a command goes on with,
//     a prompt cache or a journal, is asked for with [Request.Update] and needs none.
//   - Two outputs of a command are two files.
//   - A file that is read-only is left alone. An empty file is nobody's result and is replaced.
//
// A command says what it reads with [Set.Input] and opens its outputs with [Set.Create], in any
// order, before it begins to work:
//
//	r := output.Request{Flag: "--out", Path: out, Kind: output.Logits, Force: force}
//	file, err := e.files.Create(r)
//	if err != nil {
//		return err
//	}
//	defer file.Close() // gives up what is not committed
//	...                // the work
//	failed := file.Fill(func(w io.Writer) error { ... }) // writes and commits
//	...                // prints the result, even if that failed
//	return failed
//
// What is written goes to a temporary file in the same folder, which takes the name when it is
// complete. So a name never holds a part of a file, and a folder that cannot be written is found
// before the work. New files have the mode that the umask gives, those with [Request.Private] no
// rights for others; replaced ones keep theirs. Links are followed. Devices, pipes and what
// /dev/stdout stands for are written to as they are.
//
// Temporary files are removed by [File.Close], and all at once by [Abandon] when a signal ends the
// program. Those of a program that was killed are removed when the next output is opened in their
// folder: each is locked while its program lives.
package output
