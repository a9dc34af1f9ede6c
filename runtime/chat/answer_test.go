package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// said are the answers that a family's template writes and Answer must read again.
var said = map[string]Message{
	"text":     {Role: "assistant", Content: "Yes: 2 < 3.\n\nSüß 日本 & more"},
	"thought":  {Role: "assistant", Content: "Four.", Reasoning: "Two and two,\nso four."},
	"call":     {Role: "assistant", ToolCalls: []ToolCall{{ID: "123456789", Name: "get_weather", Arguments: `{"city":"São Paulo","days":3}`}}},
	"all":      {Role: "assistant", Content: "Let me look.", Reasoning: "They want weather.", ToolCalls: []ToolCall{{ID: "123456789", Name: "get_weather", Arguments: `{"city":"Rome"}`}}},
	"twice":    {Role: "assistant", ToolCalls: []ToolCall{{ID: "123456789", Name: "look_up", Arguments: `{"x":"1 2"}`}, {ID: "123456780", Name: "add_days", Arguments: `{"y":[1,2]}`}}},
	"argument": {Role: "assistant", ToolCalls: []ToolCall{{ID: "123456789", Name: "now_utc", Arguments: `{}`}}},
}

// TestSecondTurn has every template write an answer, reads it as if the model had generated it, and
// compares the prompt of the next turn with the one of the message that was written.
func TestSecondTurn(t *testing.T) {
	paths, err := filepath.Glob(dir + "chat/*.jinja")
	more, err2 := filepath.Glob("jinja/testdata/templates/*.jinja")
	if paths = append(paths, more...); err != nil || err2 != nil || len(paths) < 45 {
		t.Fatalf("%d templates, %v, %v", len(paths), err, err2)
	}
	tried := map[string]int{}
	for _, path := range append(paths, moreTemplates(t)...) {
		name := strings.TrimSuffix(filepath.Base(path), ".jinja")
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := load(t, "tiny-llama", string(source))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for c, message := range said {
			if secondTurn(t, tmpl, name+" "+c, message) {
				tried[c]++
				tried[name]++
			}
		}
		if tried[name] == 0 {
			t.Errorf("%s: no answer was tried", name)
		}
	}
	t.Log(tried)
	for c, least := range map[string]int{"text": 45, "thought": 45, "call": 43, "all": 40, "twice": 43, "argument": 43} {
		if tried[c] < least {
			t.Errorf("%s was tried with %d templates, want %d", c, tried[c], least)
		}
	}
}

// moreTemplates are those of a folder outside the project, when one is named.
func moreTemplates(t *testing.T) []string {
	paths, err := filepath.Glob(os.Getenv("KVGEN_CHAT_TEMPLATES") + "/*.jinja")
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// secondTurn tries one answer. It reports false for a template that cannot write such an answer.
func secondTurn(t *testing.T, tmpl *Template, name string, message Message) bool {
	question := []Message{{Role: "user", Content: "Well?"}}
	next := Message{Role: "user", Content: "And then?"}
	prompt, err := tmpl.Prompt(question, true)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	whole, err := tmpl.Prompt(append(question, message), false)
	given := message
	// what the functions gave, and an answer to that; some templates take no such messages
	told := true
	after := func(m Message) []Message {
		all := append(question, m)
		if told && len(given.ToolCalls) > 0 {
			all = append(append(all, results(given)...), Message{Role: "assistant", Content: "So it is."})
		}
		return append(all, next)
	}
	want, err2 := tmpl.Prompt(after(message), true)
	if err2 != nil || len(message.ToolCalls) > 0 && !strings.Contains(want, message.ToolCalls[0].Name) {
		told = false
		want, err2 = tmpl.Prompt(after(message), true)
	}
	if err != nil || err2 != nil {
		t.Logf("%s: not written: %v, %v", name, err, err2)
		return false
	}
	generated, ok := strings.CutPrefix(whole, prompt)
	a := tmpl.Answer(prompt)
	if !ok { // the prompt begins or ends the thinking itself
		base, _, found := cutLast(prompt, "<think", "<|channel>thought", "[THINK]", "<|START_THINKING|>", "<mm:think>", "<seed:think>", "Here are my", "</think>", "<|START_RESPONSE|>")
		generated, ok = strings.CutPrefix(whole, base)
		switch {
		case found && ok:
		// instructions follow every turn
		case len(message.ToolCalls) == 0 && message.Reasoning == "":
			generated = message.Content
		default:
			t.Logf("%s: not tried: the turn\n%q does not begin as its prompt\n%q", name, whole, prompt)
			return false
		}
		if a.in != nil && a.in.kind == Reasoning && !(message.Reasoning != "" && strings.HasPrefix(generated, message.Reasoning)) {
			generated = message.Reasoning + a.in.ends[0] + strings.TrimPrefix(generated, "\n")
		}
	}
	// the last turn is written as if it went on
	if ok && a.in != nil && a.in.kind == Reasoning && !strings.Contains(generated, a.in.ends[0]) {
		generated = message.Reasoning + a.in.ends[0] + generated
	}
	generated = ended(generated, closing(tmpl, question))
	for _, part := range append(names(message), message.Content) {
		if strings.Contains(want, part) && !strings.Contains(generated, part) {
			t.Logf("%s: not tried: the template writes %q in no turn or in another: %q", name, part, generated)
			return false
		}
	}
	// a family has ids of its own, or none
	if len(message.ToolCalls) > 0 && !strings.Contains(generated, message.ToolCalls[0].ID) {
		given = renamed(message, read(tmpl.Answer(prompt), generated, len(generated)).ToolCalls)
		if want, err = tmpl.Prompt(after(given), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 1; n <= len(generated)+1; n = n*3 + 1 {
		got := read(tmpl.Answer(prompt), generated, n)
		again, err := tmpl.Prompt(after(got), true)
		if err != nil || again != want {
			t.Errorf("%s: %q in pieces of %d: %v\n got %q\nwant %q", name, generated, n, err, again, want)
			return true
		}
		// A template may leave out what is no content, or put a space before it.
		if strings.Contains(generated, message.Content) && strings.TrimSpace(got.Content) != message.Content {
			t.Errorf("%s: %q: content %q, want %q", name, generated, got.Content, message.Content)
		}
		if message.Reasoning != "" && strings.Contains(generated, message.Reasoning) && got.Reasoning != message.Reasoning {
			t.Errorf("%s: %q: reasoning %q, want %q", name, generated, got.Reasoning, message.Reasoning)
		}
		for _, c := range message.ToolCalls {
			if strings.Contains(generated, c.Name) && !asks(got, c) {
				t.Errorf("%s: %q: calls %+v, want %+v", name, generated, got.ToolCalls, c)
			}
		}
	}
	return true
}

// renamed is m whose calls have the ids of those that were read, where there are as many.
func renamed(m Message, calls []ToolCall) Message {
	m.ToolCalls = slices.Clone(m.ToolCalls)
	for i := range m.ToolCalls {
		if m.ToolCalls[i].ID = ""; len(calls) == len(m.ToolCalls) {
			m.ToolCalls[i].ID = calls[i].ID
		}
	}
	return m
}

// names are the functions that m asks for.
func names(m Message) (all []string) {
	for _, c := range m.ToolCalls {
		all = append(all, c.Name)
	}
	return all
}

// results are messages with what the functions gave that m asks for.
func results(m Message) (all []Message) {
	for i, c := range m.ToolCalls {
		if c.ID == "" {
			c.ID = callID(i)
		}
		all = append(all, Message{Role: "tool", Content: "21", Name: c.Name, ToolCallID: c.ID})
	}
	return all
}

func asks(m Message, want ToolCall) bool {
	for _, c := range m.ToolCalls {
		if c.Name == want.Name && sameJSON(c.Arguments, want.Arguments) {
			return true
		}
	}
	return false
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// cutLast cuts text before the last of marks that is in it.
func cutLast(text string, marks ...string) (before, after string, found bool) {
	at := -1
	for _, m := range marks {
		at = max(at, strings.LastIndex(text, m))
	}
	if at < 0 {
		return text, "", false
	}
	if i := strings.LastIndex(text[:at], "<think"); strings.HasPrefix(text[at:], "</think>") && i >= 0 {
		at = i
	}
	return text[:at], text[at:], true
}

// closing is what a template writes after a turn of the model, and the model itself as the token
// that ends generation.
func closing(tmpl *Template, question []Message) string {
	text, err := tmpl.Prompt(append(question, Message{Role: "assistant", Content: "MARK"}), false)
	at := strings.LastIndex(text, "MARK")
	if err != nil || at < 0 {
		return ""
	}
	return text[at+len("MARK"):]
}

// ended cuts text where generation ends.
func ended(text, closing string) string {
	text = strings.TrimSuffix(text, closing)
	for _, end := range []string{"<|eom_id|>", "<|call|>", "<|eot|>", "<|END_OF_TURN_TOKEN|>", "<SPECIAL_12>", "<｜end▁of▁sentence｜>", "<|tool_response>",
		"<｜hy_eos:opensource｜>", "\n<|end|>"} {
		text, _, _ = strings.Cut(text, end)
	}
	return text
}

// read gives an answer generated, n bytes at a time.
func read(a *Answer, generated string, n int) Message {
	for len(generated) > n {
		a.Next(generated[:n])
		generated = generated[n:]
	}
	a.Next(generated)
	a.Finish()
	return a.Message()
}
