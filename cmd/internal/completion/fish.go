package completion

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/manual"
)

// fish writes a line per flag; -o is an option of several letters after one dash.
func fish(b *strings.Builder, p *manual.Program) {
	n := p.Name
	fmt.Fprintf(b, "# fish completion of %s: %s completion fish > ~/.config/fish/completions/%s.fish\n", n, n, n)
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
		fmt.Fprintf(b, "complete -c %s -f -n __fish_use_subcommand -a %s -d %s\n", n, c.Name, fishQuoted(c.Summary))
	}
	fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -l help -d 'list the commands'\ncomplete -c %s -n __fish_use_subcommand -l version -d 'say what was built'\n", n, n)
	fmt.Fprintf(b, "complete -c %s -f -n '__fish_seen_subcommand_from help' -a '%s'\n", n, strings.Join(names, " "))
	fmt.Fprintf(b, "complete -c %s -f -n '__fish_seen_subcommand_from completion' -a '%s'\n", n, strings.Join(Shells, " "))
	each(p, func(c *manual.Command, f *pflag.Flag) {
		fmt.Fprintf(b, "complete -c %s -n '__fish_seen_subcommand_from %s'", n, c.Name)
		for _, name := range p.Names(f) {
			bare := strings.TrimLeft(name, "-")
			switch {
			case strings.HasPrefix(name, "--"):
				b.WriteString(" -l " + bare)
			case len(bare) == 1:
				b.WriteString(" -s " + bare)
			default:
				b.WriteString(" -o " + bare)
			}
		}
		v := p.Values(c.Name, f.Name)
		switch {
		case f.Value.Type() == "bool":
		case v.File:
			b.WriteString(" -r -F")
		default:
			b.WriteString(" -x")
		}
		if len(v.Words) > 0 {
			b.WriteString(" -a " + fishQuoted(strings.Join(v.Words, " ")))
		}
		b.WriteString(" -d " + fishQuoted(brief(f)) + "\n")
	})
}

// fishQuoted is s between single quotes, in which fish reads \\ and \'.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
