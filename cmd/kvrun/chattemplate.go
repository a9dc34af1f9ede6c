package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/chat"
)

// templateFlag defines --chat-template of a command that writes conversations.
func (m *modelFlags) templateFlag(fs *pflag.FlagSet) {
	fs.StringVar(&m.chatTemplate, "chat-template", "", "`format` of conversations in place of the model's own: "+strings.Join(chat.Names(), ", ")+", or a file with a Jinja template")
	fs.StringVar(&m.templateFile, "chat-template-file", "", "a Jinja template in a `file`")
}

// readTemplate is the text that --chat-template or --chat-template-file stands for, "" for neither.
func (m *modelFlags) readTemplate(e *environment) (string, error) {
	flag, name := "--chat-template", m.chatTemplate
	switch {
	case name != "" && m.templateFile != "":
		return "", fmt.Errorf("--chat-template and --chat-template-file are both given")
	case m.templateFile != "":
		flag, name = "--chat-template-file", m.templateFile
	case name == "":
		return "", nil
	default:
		if source, ok := chat.Named(name); ok {
			return source, nil
		}
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("--chat-template %q: no format of that name and no such file%s; formats: %s", name, suggest.Nearest(name, chat.Names()), strings.Join(chat.Names(), ", "))
		}
	}
	text, err := e.readText(name)
	if err == nil && strings.TrimSpace(text) == "" {
		err = fmt.Errorf("%s %s: the file is empty", flag, name)
	}
	return text, err
}
