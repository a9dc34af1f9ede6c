// Package ollama is what clients of ollama ask: its version, the models, and chats and texts as
// lines of JSON. Names of fields and the units of times, nanoseconds, are ollama's own, as the
// documentation of its API has them.
//
// As in ollama an answer is a stream where a request does not say otherwise.
package ollama
