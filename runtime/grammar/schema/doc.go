// Package schema makes grammars of JSON Schemas, by the rules of draft 2020-12.
//
// A schema is enforced whole or refused: an error names the keyword and its place as a JSON
// pointer. docs/structured-output.md lists what is enforced, what is refused, and in which of its
// spellings a value is written.
package schema
