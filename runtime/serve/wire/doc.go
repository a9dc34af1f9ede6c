// Package wire is what the APIs of the server share of HTTP: bodies that are read within limits,
// fields that are known or refused by name, errors, and streams of events.
//
// Nothing here knows a model. An API says in data which fields it has: a struct for those that it
// honours and a table of Field for those that ask for nothing here. What is in neither is refused.
package wire
