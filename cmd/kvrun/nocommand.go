package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/peers"
	"github.com/kvgen/kvgen/internal/suggest"
	"github.com/kvgen/kvgen/runtime/policy"
)

// noCommand says what to type instead of a line that begins with no command: a command of another program, a model or a flag.
func noCommand(args []string) error {
	first := args[0]
	if strings.HasPrefix(first, "-") {
		rest := make([]string, len(args))
		for i, a := range args {
			rest[i] = policy.ShellQuote(a)
		}
		line := strings.Join(rest, " ")
		return fmt.Errorf("a command comes first: kvrun run %s continues a text, kvrun chat %s talks; kvrun help lists the others", line, line)
	}
	if modelName(first) {
		m := policy.ShellQuote(first)
		return fmt.Errorf("a command comes first: kvrun run %s -p TEXT continues a text, kvrun chat %s talks to the model, kvrun info %s describes it", m, m, m)
	}
	if first == "ollama" && len(args) > 1 {
		if says, ok := peers.Command(args[1]); ok {
			return fmt.Errorf("no command %q: %s", first+" "+args[1], says)
		}
	}
	if says, ok := peers.Command(strings.TrimSuffix(filepath.Base(first), ".exe")); ok {
		return fmt.Errorf("no command %q: %s", first, says)
	}
	return fmt.Errorf("no command %q%s; kvrun help lists them", first, suggest.Nearest(first, commandNames()))
}

// commandNames are the names of all commands.
func commandNames() (names []string) {
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}
