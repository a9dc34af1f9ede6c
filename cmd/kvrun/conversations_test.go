package main

import (
	"strings"
	"testing"
)

// TestConversations reads lines that are no conversations. Each error has the place in the file, in
// the words of the file.
func TestConversations(t *testing.T) {
	for text, says := range map[string]string{
		`{"messages": [{"content": "x"}]}`:                                                                "line 3: message 1 has no role",
		`{"messages": [{"role": "", "content": "x"}]}`:                                                    "line 3: message 1 has no role",
		`{"messages": [{"role": "user"}]}`:                                                                "line 3: message 1 has no content",
		`{"messages": [{"role": "user", "content": null}]}`:                                               "line 3: message 1 has no content",
		`{"messages": [{"role": null, "content": "x"}]}`:                                                  "line 3, column 24: messages.0.role: it is null",
		`{"messages": [{"role": "assistant", "tool_calls": [{"type": "x", "function": {"name": "f"}}]}]}`: "line 3: message 1: tool call 1: want",
		`{"messages": [{"role": "assistant", "tool_calls": [{"arguments": {}}]}]}`:                        "messages.0.tool_calls.0.arguments: there is no such key",
		`{"messages": [{"role": "user", "content": 7}]}`:                                                  "messages.0.content: want a string, not a number",
		`{"messages": [{"role": "user", "content": ["x"]}]}`:                                              "messages.0.content: want a string, not an array",
		`{"messages": [{"role": "user", "role": "system", "content": "x"}]}`:                              "messages.0.role: the key is there twice",
		`{"messages": [{"role": "user", "content": "x", "weight": 1}]}`:                                   "messages.0.weight: there is no such key",
		`{"messages": [{"role": "user", "content": "x"}], "tools": []}`:                                   "tools: there is no such key",
		`{"Messages": [{"role": "user", "content": "x"}]}`:                                                "Messages: there is no such key",
		"{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\"}]}":                                   "column 44: this is not UTF-8",
		`{"messages": []}`:  "line 3: no messages",
		`{"messages": {}}`:  "messages: want an array, not an object",
		`{}`:                "line 3: no messages",
		`null`:              "line 3, column 1: it is null",
		`[]`:                "want an object, not an array",
		`{"messages": [{`:   "it ends before",
		`{"messages": []}x`: "no JSON",
		`{"` + strings.Repeat("k", 900000) + `": 1}`: "(900000 bytes): there is no such key",
	} {
		file := write(t, "talk.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello, you there!\"}]}\n\n"+text+"\n")
		code, _, stderr := kvrun("", "sweep", arches+"/llama_hd64/model.gguf", "--chat", file, "-c", "8", "--cells", "q8_0")
		if code != 2 || !strings.Contains(stderr, says) || strings.Contains(stderr, "main.") || strings.Contains(stderr, "Go ") || len(stderr) > 1200 {
			t.Errorf("%.80s: exit %d, %.1200s; want %q", text, code, stderr, says)
		}
	}
}
