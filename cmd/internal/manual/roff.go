package manual

import (
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Roff writes the man page in the man macros. Flags that at least three commands share, in the same
// words, are described once.
func (p *Program) Roff(w io.Writer, version string) error {
	out := &printer{w: w}
	upper := strings.ToUpper(p.Name)
	out.line(`.TH %s 1 "" "%s" "User Commands"`, upper, roff(version))
	out.line(".SH NAME\n%s \\-\n%s", roff(p.Name), filled(p.Summary))
	out.line(".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIMODEL\\fR] [\\fIflags\\fR]", roff(p.Name))
	common := p.common()
	out.line(".SH COMMANDS")
	for i := range p.Commands {
		c := &p.Commands[i]
		out.line(".SS %s", roff(strings.TrimSpace(c.Name+" "+c.Synopsis)))
		out.line("%s", filled(c.Summary+"."))
		if c.Flags != nil {
			var shared []string
			c.Flags.VisitAll(func(f *pflag.Flag) {
				if common[f.Name] == said(f) {
					shared = append(shared, "--"+f.Name)
				} else if !f.Hidden {
					p.roffFlag(out, c.Name, f)
				}
			})
			if len(shared) > 0 {
				out.line(".PP\n%s", filled("Common flags: "+strings.Join(shared, ", ")+"."))
			}
		}
		for i, e := range c.Examples {
			if i == 0 {
				out.line(".PP\nExamples:")
			}
			out.line(".PP\n.nf\n.RS\n%s\n.RE\n.fi", roff(e))
		}
	}
	out.line(".SH COMMON FLAGS")
	done := map[string]bool{}
	for i, g := range p.Groups {
		first := true
		for _, c := range p.Commands {
			if c.Flags == nil {
				continue
			}
			for _, f := range p.grouped(c.Flags)[i] {
				if done[f.Name] || common[f.Name] != said(f) {
					continue
				}
				if done[f.Name] = true; first {
					out.line(".SS %s", roff(g.Title))
					first = false
				}
				p.roffFlag(out, c.Name, f)
			}
		}
	}
	for _, s := range p.Sections {
		out.line(".SH %s", roff(strings.ToUpper(s.Title)))
		for i, part := range strings.Split(strings.TrimSpace(s.Text), "\n\n") {
			if i > 0 {
				out.line(".PP")
			}
			if strings.HasPrefix(part, "  ") { // a table stays as it is
				out.line(".nf\n%s\n.fi", roff(part))
			} else {
				out.line("%s", filled(part))
			}
		}
	}
	return out.err
}

// said is all that help says of a flag.
func said(f *pflag.Flag) string { return f.Usage + "\x00" + f.DefValue + "\x00" + f.Shorthand }

// common are the flags that three commands or more have in the same words, by name.
func (p *Program) common() map[string]string {
	count := map[string]map[string]int{}
	for _, c := range p.Commands {
		if c.Flags == nil {
			continue
		}
		c.Flags.VisitAll(func(f *pflag.Flag) {
			if count[f.Name] == nil {
				count[f.Name] = map[string]int{}
			}
			count[f.Name][said(f)]++
		})
	}
	all := map[string]string{}
	for name, ways := range count {
		for way, n := range ways {
			if before := all[name]; n > 2 && (n > ways[before] || n == ways[before] && way < before) {
				all[name] = way
			}
		}
	}
	return all
}

func (p *Program) roffFlag(out *printer, command string, f *pflag.Flag) {
	value, text := describe(f)
	var names []string
	for _, n := range p.Names(f) {
		names = append(names, `\fB`+roff(n)+`\fR`)
	}
	line := strings.Join(names, ", ")
	if value != "" {
		line += ` \fI` + roff(value) + `\fR`
	}
	text += choices(p.Values(command, f.Name).Words, text, f.Name, map[string]string{})
	out.line(".TP\n%s\n%s", line, filled(text+"."))
}

// filled breaks text into short lines of source, which roff fills again.
func filled(s string) string { return roff(strings.TrimRight(Wrap(s, 64, 0), " ")) }

// roff escapes text: backslashes, hyphens that are to stay hyphens, and what a line must not begin
// with.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`, `"`, `\(dq`, "±", `\(+-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
