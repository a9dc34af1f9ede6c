// Package openai is OpenAI's API of a served model: chat completions, completions, responses
// and the list of models, whole or as a stream of events.
//
// Thinking is in reasoning_content, as DeepSeek's API has it. Every answer has the id of the
// cache's plan as its system_fingerprint. A field that would change the answer and is not honoured
// is refused by name; fields without effect are in fields.go.
package openai
