// Package regular makes deterministic finite automata over bytes: of expressions, of patterns as
// JSON Schema has them, of ranges of numbers, and of each other.
//
// Everything is bounded. An expression has at most MaxNodes states before it is made
// deterministic, an automaton at most the states that its maker asks for, and what is larger is an
// error that says so. There is no backtracking: a step is one look into a table.
package regular
