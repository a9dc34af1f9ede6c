// Package chat turns a conversation into the prompt that a model was trained on, by the Jinja
// template that its GGUF file carries as tokenizer.chat_template, and turns what the model
// generates back into a message.
//
// Template.Answer reads the markup of the model's family (channels, thinking, tool calls), piece by
// piece, into the Message that the same template takes for the next turn. Markup that is malformed
// or cut is text.
//
// Package jinja renders the templates, with the text that Python's jinja2 gives. Templates come
// with model files, so they are strangers' programs: they run without files, network or environment
// and within limits, and a template beyond one is an error that names it.
package chat
