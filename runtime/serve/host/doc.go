// Package host is a model that is served, in the words of no API: a conversation or a text goes in,
// the parts of an answer come out as they are generated.
//
//	answer, err := h.Start(ctx, host.Request{Conversation: &conversation, Limit: 100})
//	for event := range answer.Events() {
//		for _, part := range event.Parts { ... }
//	}
//	result, err := answer.Result()
//
// Thinking and tool calls are read by the family of the model's chat template. Errors of a request
// are a *wire.Error.
package host
