// Package generate continues texts with a model: it draws tokens, decides when a text ends, keeps
// what the cache holds in step with the text, and talks by a model's chat template.
//
//	c, err := m.NewContext(model.Options{Plan: plan, Size: 4096})
//	drawn := sample.Options{Temperature: .8, TopK: 40}
//	s := generate.New(c, t, generate.Options{Sampling: drawn, Limit: 200})
//	for text, err := range s.Stream(ctx, t.Encode("Once upon a time", true, false)) {
//		...
//	}
//
// Three layers stand on each other:
//
//   - A Continuation is one text: logits in, tokens and text out, and the reason for its end. It
//     runs nothing, so that whoever runs many sequences in a batch has one for each (package
//     serve).
//   - A Sequence runs sequence 0 of a context. When the context is full it drops the older half of
//     what is not to be kept. Reuse keeps the longest beginning of a prompt that the cache has.
//     Save and Load keep it in a file.
//   - A Conversation is messages and a template on a Sequence. It forgets the oldest turns when the
//     context is full, and goes back behind answers that the template writes otherwise than they
//     were generated, also where a recurrent layer or a sliding window cannot be cut.
//
// Everything is for one goroutine at a time, and ends by its context.Context within a layer.
package generate
