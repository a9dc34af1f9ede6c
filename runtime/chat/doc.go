// Package chat turns a conversation into the prompt that a model was trained on, by the Jinja template that its GGUF file
// carries as tokenizer.chat_template, and turns what the model generates back into a message.
//
// Template.Answer reads the markup of the model's family (channels, thinking, tool calls), piece by piece, into the
// Message that the same template takes for the next turn. Markup that is malformed or cut is text.
//
// Templates come with model files, so they are strangers' programs. They run without files, network or environment, and
// within limits: on the size of the template, on every string and list it builds, on the number of steps and on wall
// time. A template beyond a limit, one that is malformed and one that recurses without end are each one error. What no
// published template needs is refused: multiplication, inheritance, inclusion, and calls that change lists.
package chat
