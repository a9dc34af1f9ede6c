package chat

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kvgen/kvgen/runtime/chat/jinja"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// chatml is the format most models without a template of their own were tuned on or tolerate.
const chatml = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

const key = "tokenizer.chat_template"

// Template formats conversations for one model. It is immutable.
type Template struct {
	Source string // Jinja
	Name   string // of the format in Names; "" for the model's own template, or one that is given
	// the model has no template and its architecture has no format, so Source is ChatML and may not
	// be what it was trained on
	Fallback bool

	parsed *jinja.Template
	tok    *tokenizer.Tokenizer
	now    func() time.Time

	leads sync.Once // space is known
	space string    // before an answer
}

// New reads the template of a model and checks that it can be parsed. A model that has none is
// talked to in the format of its architecture where all its models have one, else in ChatML.
func New(m tokenizer.Metadata, tok *tokenizer.Tokenizer) (*Template, error) {
	source, found, err := m.Str(key)
	if err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	t := &Template{Source: source, tok: tok, now: time.Now}
	if !found || strings.TrimSpace(source) == "" {
		arch, _, _ := m.Str("general.architecture")
		t.Name = byArchitecture[arch]
		if t.Name == "" {
			t.Name, t.Fallback = "chatml", true
		}
		t.Source, _ = Named(t.Name)
	}
	t.parsed, err = jinja.Parse(t.Source)
	return t, described(err)
}

// Given is a template from elsewhere than the model's file.
func Given(source string, tok *tokenizer.Tokenizer) (t *Template, err error) {
	t = &Template{Source: source, tok: tok, now: time.Now}
	t.parsed, err = jinja.Parse(source)
	return t, described(err)
}

// described says what an error of a template is of.
func described(err error) error {
	var e *jinja.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Raised:
		return fmt.Errorf("chat: the template refuses the conversation: %w", err)
	}
	return fmt.Errorf("chat: template: %w", err)
}

// Prompt returns the text for a conversation. With generate, it ends where the model's answer
// begins. The template may object to a conversation, for example when roles do not alternate; the
// error then carries its words. A template that fails is rendered again with the variables that
// some are written for; the error is that of the first time.
func (t *Template) Prompt(messages []Message, generate bool) (string, error) {
	text, err := t.render(messages, generate, usual)
	var e *jinja.Error
	if errors.As(err, &e) && (e.Raised || e.Limit) {
		return "", described(err)
	}
	for k := 0; err != nil && k < len(others); k++ {
		if more, e := t.render(messages, generate, others[k]); e == nil {
			return more, nil
		}
	}
	return text, described(err)
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

func (t *Template) render(messages []Message, generate bool, with variables) (string, error) {
	all := make([]any, len(messages))
	for i, m := range messages {
		all[i] = m.value(with.textArguments)
	}
	v := jinja.NewDict(
		"messages", &jinja.List{Items: all},
		"documents", nil,
		"add_generation_prompt", generate,
		"bos_token", t.tok.Piece(t.tok.BOS),
		"eos_token", t.tok.Piece(t.tok.EOS),
	)
	if !with.noTools {
		v.Set("tools", nil)
	}
	if with.functions {
		v.Set("functions", "[]")
		v.Set("datetime", t.now().Format("January 02 2006"))
	}
	return t.parsed.Render(v, t.now())
}

// Tokens returns the ids of Prompt's text, with the tokens that begin and end a text exactly once:
// a template that writes the begin token itself does not get a second one. As everywhere, a message
// that spells a control token becomes that token: keep messages that others wrote from doing so if
// it matters.
func (t *Template) Tokens(messages []Message, generate bool) ([]int32, error) {
	text, err := t.Prompt(messages, generate)
	if err != nil {
		return nil, err
	}
	return t.Encode(text, generate), nil
}

// Encode returns the ids of a text that Prompt made, as Tokens does.
func (t *Template) Encode(text string, generate bool) []int32 {
	bos := t.tok.Piece(t.tok.BOS)
	if t.tok.AddBOS && bos != "" {
		text = strings.TrimPrefix(text, bos)
	}
	return t.tok.Encode(text, true, true)
}
