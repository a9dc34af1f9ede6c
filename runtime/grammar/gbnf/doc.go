// Package gbnf makes grammars of llama.cpp's GBNF.
//
//	root   ::= "[" number ("," number)* "]"
//	number ::= "-"? [0-9]+
//
// Literals, classes of characters, ".", groups, alternatives, repetitions ("*", "+", "?", "{2,5}"),
// rules and comments are read; escapes are \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH. Left
// recursion and tokens by number or text ("<[12]>", "<think>") are refused by name. Everything is
// bounded.
package gbnf
