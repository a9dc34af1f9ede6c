package completion

import (
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/manual"
)

// bash writes a function whose cases are data: words by command and flag. It uses nothing that bash
// 3.2 lacks.
func bash(b *strings.Builder, p *manual.Program) {
	n := p.Name
	fmt.Fprintf(b, "# bash completion of %s: source <(%s completion bash), or a file in ~/.local/share/bash-completion/completions\n", n, n)
	fmt.Fprintf(b, "_%s() {\n", n)
	b.WriteString(`    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]} words= IFS=$' \t\n'
    COMPREPLY=()
    if [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    elif [[ $cur == = ]]; then
        cur=
    fi
`)
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	fmt.Fprintf(b, "    if ((COMP_CWORD == 1)); then\n        words='%s --help --version'\n    else\n        case $cmd:$prev in\n", strings.Join(names, " "))
	words := map[string][]string{} // patterns by the words that they have
	var files, other []string
	flags := map[string][]string{}
	each(p, func(c *manual.Command, f *pflag.Flag) {
		var patterns []string
		for _, name := range p.Names(f) {
			flags[c.Name] = append(flags[c.Name], name)
			patterns = append(patterns, c.Name+":"+name)
		}
		v := p.Values(c.Name, f.Name)
		switch {
		case !takesValue(f) && f.Value.Type() == "bool":
		case len(v.Words) > 0:
			w := strings.Join(v.Words, " ")
			if v.File {
				w += " <file>"
			}
			words[w] = append(words[w], patterns...)
		case v.File:
			files = append(files, patterns...)
		default:
			other = append(other, patterns...)
		}
	})
	var lists []string
	for w := range words {
		lists = append(lists, w)
	}
	sort.Strings(lists)
	for _, w := range lists {
		only, file := strings.CutSuffix(w, " <file>")
		fmt.Fprintf(b, "        %s)\n            words=%s", strings.Join(words[w], "|"), quoted(only))
		if file {
			b.WriteString("\n            _" + n + "_files")
		}
		b.WriteString(" ;;\n")
	}
	fmt.Fprintf(b, "        %s)\n            _%s_files\n            return ;;\n", strings.Join(files, "|"), n)
	fmt.Fprintf(b, "        %s)\n            return ;;\n", strings.Join(other, "|"))
	fmt.Fprintf(b, "        help:help) words='%s' ;;\n        completion:completion) words='%s' ;;\n        *)\n", strings.Join(names, " "), strings.Join(Shells, " "))
	fmt.Fprintf(b, "            if [[ $cur != -* ]]; then\n                _%s_files\n                return\n            fi\n            case $cmd in\n", n)
	for _, c := range p.Commands {
		if len(flags[c.Name]) > 0 {
			fmt.Fprintf(b, "            %s) words='%s --help' ;;\n", c.Name, strings.Join(flags[c.Name], " "))
		}
	}
	b.WriteString("            esac ;;\n        esac\n    fi\n")
	b.WriteString("    local word before=$cur\n    # a list of values goes on after its last comma\n    local head=\n    if [[ $cur == *,* && $cur != -* ]]; then\n        head=\"${cur%,*},\" before=${cur##*,}\n    fi\n")
	b.WriteString("    for word in $words; do\n        if [[ $word == \"$before\"* ]]; then\n            COMPREPLY+=(\"$head$word\")\n        fi\n    done\n}\n")
	fmt.Fprintf(b, `_%s_files() {
    type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <(compgen -f -- "$cur")
}
complete -F _%s %s
`, n, n, n)
}
