// Package calls makes grammars of the calls of functions that a model writes: the markup of its
// family (chat.Markup), one of the functions, and arguments that are valid by its schema.
//
//	m := template.Markup()
//	v := calls.Vocabulary(tokenizer, m)
//	g, err := calls.Compile(ctx, v, m, functions, calls.Options{})
//
// An error names the family, or the function with the keyword of its schema and its place.
package calls
