// Package llamacpp is what clients of llama-server ask besides OpenAI's API: a text to continue,
// tokens, prompts, the server's state and its metrics. Names of fields are llama-server's
// (ggml-org/llama.cpp, tools/server/README.md).
package llamacpp
