package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/chat/jinja"
)

// Conversation is what a template makes a prompt of.
type Conversation struct {
	Messages []Message
	Tools    []Tool // functions that the model may ask for
	Generate bool   // end where the model's answer begins

	// Variables are what the template is given beside, such as enable_thinking: JSON by name. Those
	// that it does not know are without effect.
	Variables map[string]json.RawMessage
}

// ErrNoTools is the error of a conversation with tools for a template that has no place for them.
var ErrNoTools = errors.New("chat: the model's chat template has no place for tools")

// own are the variables that a conversation itself sets.
var own = []string{"messages", "documents", "tools", "functions", "datetime", "add_generation_prompt", "bos_token", "eos_token"}

// Render returns the text for a conversation. The template may object to it, for example when roles
// do not alternate; the error then carries its words. A template that fails is rendered again with
// the variables that some are written for; the error is that of the first time.
func (t *Template) Render(c Conversation) (string, error) {
	if len(c.Tools) > 0 && !t.TakesTools() {
		return "", ErrNoTools
	}
	text, err := t.render(c, usual)
	var e *jinja.Error
	if errors.As(err, &e) && (e.Raised || e.Limit) {
		return "", described(err)
	}
	for k := 0; err != nil && k < len(others); k++ {
		if more, e := t.render(c, others[k]); e == nil {
			return more, nil
		}
	}
	return text, described(err)
}

// TakesTools says whether the template writes the tools of a conversation into its prompt.
func (t *Template) TakesTools() bool {
	t.tools.Do(func() {
		const name = "a_function_to_look_for"
		c := Conversation{Messages: []Message{{Role: "user", Content: "a"}}, Generate: true}
		c.Tools = []Tool{{Name: name, Description: "b", Parameters: json.RawMessage(`{"type": "object", "properties": {"c": {"type": "string", "description": "d"}}}`)}}
		for _, with := range append([]variables{usual}, others...) {
			if text, err := t.render(c, with); err == nil {
				t.takesTools = strings.Contains(text, name)
				return
			}
		}
	})
	return t.takesTools
}

// variables are what a template is given beside the conversation.
type variables struct {
	noTools       bool // tools is undefined instead of none
	textArguments bool // of tool calls: JSON in a text instead of a mapping
	functions     bool // and today's date, as text
}

// usual are the variables of Hugging Face's apply_chat_template.
var usual = variables{}

// others are those of templates that apply_chat_template cannot render without tools or with
// arguments as it has them: the tool_use templates of Command R+ and Hermes, functionary v3.2,
// firefunction v2.
var others = []variables{{noTools: true}, {textArguments: true}, {noTools: true, textArguments: true, functions: true}}

func (t *Template) render(c Conversation, with variables) (string, error) {
	all := make([]any, len(c.Messages))
	for i, m := range c.Messages {
		all[i] = m.value(with.textArguments)
	}
	v := jinja.NewDict(
		"messages", &jinja.List{Items: all},
		"documents", nil,
		"add_generation_prompt", c.Generate,
		"bos_token", t.tok.Piece(t.tok.BOS),
		"eos_token", t.tok.Piece(t.tok.EOS),
	)
	if err := t.setTools(v, c.Tools, with); err != nil {
		return "", err
	}
	for name, data := range c.Variables {
		if slices.Contains(own, name) {
			return "", fmt.Errorf("%s is a variable that the conversation sets", name)
		}
		value, err := jinja.FromJSON(data)
		if err != nil {
			return "", fmt.Errorf("the variable %.64q: %w", name, err)
		}
		v.Set(name, value)
	}
	return t.parsed.Render(v, t.now())
}

// setTools gives a template the tools in the form that it is written for.
func (t *Template) setTools(v *jinja.Dict, tools []Tool, with variables) error {
	if with.functions {
		text, err := functionsText(tools)
		if err != nil {
			return err
		}
		v.Set("functions", text)
		v.Set("datetime", t.now().Format("January 02 2006"))
	}
	switch {
	case len(tools) > 0:
		list := &jinja.List{}
		for _, tool := range tools {
			one, err := tool.value()
			if err != nil {
				return err
			}
			list.Items = append(list.Items, one)
		}
		v.Set("tools", list)
	case !with.noTools:
		v.Set("tools", nil)
	}
	return nil
}

// functionsText is tools as the JSON text that firefunction's template takes.
func functionsText(tools []Tool) (string, error) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	}
	all := []function{}
	for _, t := range tools {
		all = append(all, function{t.Name, t.Description, t.Parameters})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	err := e.Encode(all)
	return strings.TrimSpace(b.String()), err
}
