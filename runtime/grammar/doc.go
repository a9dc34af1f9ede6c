// Package grammar holds what a model writes to a grammar: at every step it says which tokens may
// come next.
//
// A grammar has two levels. Its terminals are deterministic automata over bytes (package regular):
// a string, a number, a key. Its nodes put terminals in sequences, choices, repetitions and rules,
// which may be recursive. Package schema makes grammars of JSON Schemas, package gbnf of
// llama.cpp's grammars.
//
//	v := grammar.NewVocabulary(tokenizer)
//	g, err := schema.Compile(ctx, v, text)
//	s := g.Start()
//	allowed, err := s.Mask() // a bit for each token
//	err = s.Accept(token)
//
// A Vocabulary is the tokens of a model as a trie of their bytes. A Grammar is of one vocabulary,
// immutable and for any number of goroutines; a State is one text's and for one.
//
// What a State holds is a set of threads: a state of a terminal's automaton, and a stack of what
// follows the terminal. Most of a mask depends on the first alone. The tokens that stay within a
// terminal are found once for each state of its automaton, as a bitmap; with them the places in the
// trie where the terminal may end within a token. Only from those places on the stack decides, and
// they are few. This division of a vocabulary is that of XGrammar (Dong and others, 2024,
// arXiv:2411.15100, section 3).
//
// Everything is bounded: nodes of a grammar, states of automata, threads, the depth of the stack,
// the work of one step and the memory of bitmaps. What can be started can be completed: a stack
// grows only where its end fits below the limit. A text that cannot go on is an error; nothing is
// let through instead.
package grammar
