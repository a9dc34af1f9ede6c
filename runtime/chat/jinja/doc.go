// Package jinja renders Jinja templates as Python's jinja2 3.1 does in the sandbox that chat
// templates are written for.
//
// The settings are as in Hugging Face's apply_chat_template: trim_blocks, lstrip_blocks, break
// and continue, the generation tag, tojson with json.dumps's arguments, raise_exception and
// strftime_now. Values are Python's: texts are indexed by code point, dictionaries keep the order
// of their keys, integers have no bound, 1 equals true, and what is printed is what str and repr
// write. Where jinja2 raises an error, so does this package.
//
// A template is a stranger's program. It reads nothing but its variables, and a rendering is held
// to limits on steps, on the bytes it builds, on the size of one value and on depth (limits.go). A
// limit that is passed is one error that names it.
//
// The path of a template: lexer.go makes tokens, parser.go and its neighbours make nodes,
// resolve.go gives every name its place as jinja2's compiler does, and exec.go and eval.go walk the
// nodes.
package jinja
