// Package completion writes scripts by which bash, zsh and fish complete the commands, flags and
// values of a program.
package completion

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/manual"
)

// Shells are the shells that scripts can be written for.
var Shells = []string{"bash", "zsh", "fish"}

// Script writes the script for a shell, which must be one of Shells. Its first line says how to use
// it.
func Script(w io.Writer, shell string, p *manual.Program) error {
	var b strings.Builder
	switch shell {
	case "bash":
		bash(&b, p)
	case "zsh":
		zsh(&b, p)
	case "fish":
		fish(&b, p)
	default:
		return fmt.Errorf("no script for %q: there are %s", shell, strings.Join(Shells, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quoted is s between single quotes, as bash and zsh read it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// brief is the description of a flag in a few words.
func brief(f *pflag.Flag) string {
	_, text := pflag.UnquoteUsage(f)
	text, _, _ = strings.Cut(text, " (default")
	text, _, _ = strings.Cut(text, ";")
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 70 {
		text = string(r[:69]) + "…"
	}
	return text
}

// takesValue reports whether the word after a flag is its value.
func takesValue(f *pflag.Flag) bool { return f.NoOptDefVal == "" }

// each calls visit for every command with flags and every flag of it.
func each(p *manual.Program, visit func(c *manual.Command, f *pflag.Flag)) {
	for i := range p.Commands {
		if c := &p.Commands[i]; c.Flags != nil {
			c.Flags.VisitAll(func(f *pflag.Flag) {
				if !f.Hidden {
					visit(c, f)
				}
			})
		}
	}
}
