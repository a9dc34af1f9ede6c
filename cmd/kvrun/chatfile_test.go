package main

import (
	"encoding/json"
	"testing"

	"github.com/kvgen/kvgen/runtime/chat"
)

// TestLoadedWhole: a file that was loaded is saved again without --force only where nothing of it is lost.
func TestLoadedWhole(t *testing.T) {
	saved, err := json.Marshal(savedChat{[]chat.Message{{Role: "user", Content: "hi"}, {Role: "assistant", Content: "yo", Reasoning: "hm",
		ToolCalls: []chat.ToolCall{{ID: "1", Name: "f", Arguments: `{"a":1}`}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		string(saved) + "\n":                            true,
		`{"messages":[{"role":"user","content":"hi"}]}`: true,
		`{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function"}]}`:                      false,
		`{"messages":[{"role":"tool","content":"4","tool_call_id":"1"}]}`:                                  true,
		`{"messages":[{"role":"user","content":"hi","name":"Ann"}]}`:                                       true,
		`{"messages":[{"role":"user","content":"hi","weight":1}]}`:                                         false,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`: false,
	} {
		messages, err := readMessages([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := whole(text, messages); got != want {
			t.Errorf("%s: whole %v, want %v", text, got, want)
		}
	}
}
