package chat

import (
	"reflect"
	"testing"
)

// TestLoadedWhole: a file that was loaded is saved again without --force only where nothing of it
// is lost.
func TestLoadedWhole(t *testing.T) {
	saved, err := WriteMessages([]Message{{Role: "user", Content: "hi"}, {Role: "assistant", Content: "yo", Reasoning: "hm",
		ToolCalls: []ToolCall{{ID: "1", Name: "f", Arguments: `{"a":1}`}}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		string(saved): true,
		`{"messages":[{"role":"user","content":"hi"}]}`:                                                    true,
		`{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function"}]}`:                      false,
		`{"messages":[{"role":"tool","content":"4","tool_call_id":"1"}]}`:                                  true,
		`{"messages":[{"role":"user","content":"hi","name":"Ann"}]}`:                                       true,
		`{"messages":[{"role":"user","content":"hi","weight":1}]}`:                                         false,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`: false,
	} {
		messages, err := ReadMessages([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := Whole([]byte(text), messages); got != want {
			t.Errorf("%s: whole %v, want %v", text, got, want)
		}
	}
}

// TestDialogue reads all fields of OpenAI's messages.
func TestDialogue(t *testing.T) {
	got, err := ReadLine(`{"messages": [{"role": "user", "content": "x", "name": "Ann"},
		{"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
		{"role": "tool", "content": "4", "tool_call_id": "1", "name": "f"}]}`, 1)
	want := []Message{{Role: "user", Content: "x", Name: "Ann"}, {Role: "assistant", Reasoning: "hm", ToolCalls: []ToolCall{{ID: "1", Name: "f", Arguments: "{}"}}},
		{Role: "tool", Content: "4", ToolCallID: "1", Name: "f"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

// FuzzDialogue reads any line.
func FuzzDialogue(f *testing.F) {
	f.Add(`{"messages": [{"role": "user", "content": "x"}]}`)
	f.Fuzz(func(t *testing.T, line string) {
		turns, err := ReadLine(line, 1)
		if err == nil && len(turns) == 0 {
			t.Error("no messages, no error")
		}
	})
}
