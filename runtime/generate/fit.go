package generate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat"
)

// fit is the prompt of the conversation. Its oldest turns are forgotten until a quarter of the
// context is left for the answer; the system prompt and the last turn stay.
func (v *Conversation) fit() (string, error) {
	dropped := 0
	for {
		prompt, err := v.prompt()
		if err != nil {
			return "", err
		}
		tokens := len(v.Template.Encode(prompt, true))
		size := v.Context.Cache.Size
		system := v.System()
		switch {
		case v.Keep == KeepPrompt:
			v.Keep = tokens
		case v.Options.Keep == 0:
			v.Keep = tokens / max(1, len(v.Messages)) * system // about what the system prompt takes
		}
		fits := tokens <= size-size/4
		if !fits && len(v.Messages) <= system+1 {
			if tokens >= size {
				return "", TooLong{tokens, size}
			}
			fits = true
		}
		if fits {
			if dropped > 0 {
				v.note("the context of %d tokens is full: the oldest %d messages are forgotten", size, dropped)
			}
			return prompt, nil
		}
		if v.Options.NoShift {
			return "", errors.New("the context is full; without --no-context-shift the oldest turns would be forgotten")
		}
		// A question leaves with its answer.
		leave := min(2, len(v.Messages)-1-system)
		dropped += leave
		v.Messages = append(v.Messages[:system:system], v.Messages[system+leave:]...)
	}
}

// prompt is the conversation as the template writes it. Where the template refuses a message with
// tool calls, as some do when no result follows, the calls are told as text; and where it refuses a
// system prompt, that is said with the first turn.
func (v *Conversation) prompt() (string, error) {
	text, err := v.Template.Prompt(v.Messages, true)
	if err == nil {
		return text, nil
	}
	told := make([]chat.Message, len(v.Messages))
	for i, m := range v.Messages {
		told[i] = chat.Message{Role: m.Role, Content: m.Content}
		for _, c := range m.ToolCalls {
			told[i].Content = strings.TrimLeft(fmt.Sprintf("%s\n{\"name\": %q, \"arguments\": %s}", told[i].Content, c.Name, c.Arguments), "\n")
		}
	}
	tries := [][]chat.Message{told}
	if v.System() == 1 && len(told) > 1 {
		merged := append([]chat.Message(nil), told[1:]...)
		merged[0].Content = told[0].Content + "\n\n" + merged[0].Content
		tries = append(tries, merged)
	}
	for _, messages := range tries {
		if text, e := v.Template.Prompt(messages, true); e == nil {
			if !v.plainly {
				v.plainly = true
				v.note("the model's chat template does not take the conversation as it is: tool calls and the system prompt are told as text")
			}
			return text, nil
		}
	}
	return "", err
}
