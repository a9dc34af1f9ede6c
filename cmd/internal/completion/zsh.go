package completion

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/manual"
)

// zsh writes a function for _arguments.
func zsh(b *strings.Builder, p *manual.Program) {
	n := p.Name
	fmt.Fprintf(b, "#compdef %s\n# zsh completion of %s: write it to a file _%s in a folder of $fpath, or source <(%s completion zsh)\n", n, n, n, n)
	fmt.Fprintf(b, "_%s() {\n  local -a commands\n  commands=(\n", n)
	for _, c := range p.Commands {
		fmt.Fprintf(b, "    %s\n", quoted(c.Name+":"+c.Summary))
	}
	fmt.Fprintf(b, "  )\n  if (( CURRENT == 2 )); then\n    _describe -t commands 'command of %s' commands\n    return\n  fi\n  local cmd=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $cmd in\n", n)
	last := ""
	each(p, func(c *manual.Command, f *pflag.Flag) {
		if c.Name != last {
			if last != "" {
				zshEnd(b)
			}
			fmt.Fprintf(b, "  %s)\n    _arguments \\\n", c.Name)
			last = c.Name
		}
		names := p.Names(f)
		exclude := "(" + strings.Join(names, " ") + ")"
		if t := f.Value.Type(); strings.HasSuffix(t, "Array") || strings.HasSuffix(t, "Slice") || t == "list" {
			exclude = "*" // may be repeated
		}
		for _, name := range names {
			spec := exclude + name
			if takesValue(f) && strings.HasPrefix(name, "--") {
				spec += "="
			}
			spec += "[" + zshText(brief(f)) + "]" + zshValue(p, c.Name, f)
			fmt.Fprintf(b, "      %s \\\n", quoted(spec))
		}
	})
	if last != "" {
		zshEnd(b)
	}
	fmt.Fprintf(b, "  help) (( CURRENT == 2 )) && _describe -t commands 'command of %s' commands ;;\n", n)
	fmt.Fprintf(b, "  completion) (( CURRENT == 2 )) && compadd %s ;;\n  esac\n}\n", strings.Join(Shells, " "))
	fmt.Fprintf(b, "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n  _%s \"$@\"\nelse\n  compdef _%s %s\nfi\n", n, n, n)
}

func zshEnd(b *strings.Builder) {
	b.WriteString("      '--help[describe the command]' \\\n      '*:model:_files' ;;\n")
}

// zshValue completes what follows a flag.
func zshValue(p *manual.Program, command string, f *pflag.Flag) string {
	v := p.Values(command, f.Name)
	name, _ := pflag.UnquoteUsage(f)
	sep := ":"
	switch {
	case f.Value.Type() == "bool":
		return ""
	case !takesValue(f):
		sep = "::" // optional
	}
	sep += zshText(name) + ":"
	switch {
	case len(v.Words) > 0 && v.File:
		return sep + `{compadd ` + strings.Join(v.Words, " ") + `; _files}`
	case len(v.Words) > 0:
		return sep + "(" + strings.Join(v.Words, " ") + ")"
	case v.File:
		return sep + "_files"
	}
	return sep + " "
}

// zshText escapes characters that would end a description.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}
