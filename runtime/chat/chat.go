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

	tools      sync.Once // takesTools is known
	takesTools bool

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

// Prompt returns the text for a conversation without tools. With generate, it ends where the
// model's answer begins.
func (t *Template) Prompt(messages []Message, generate bool) (string, error) {
	return t.Render(Conversation{Messages: messages, Generate: generate})
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
