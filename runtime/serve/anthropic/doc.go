// Package anthropic is Anthropic's API of a served model: messages, whole or as a stream of events,
// and the count of their tokens.
//
// A prompt that coding tools begin with a text that changes from request to request, the billing
// header, loses it, so that what follows is found in the cache. A field that would change the
// answer and is not honoured is refused by name; fields without effect are in fields.go.
package anthropic
