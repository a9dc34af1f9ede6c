package main

import (
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// specLine is one line of a spec file.
type specLine struct {
	indent  int    // levels
	name    string // left of "=" when the line is an attribute
	code    string // the line, or what is right of "="
	comment string // at the end of a line of code
	open    bool   // goes on in the next line
	fixed   bool   // part of a token of several lines: kept as it is
}

// canonical lays out a spec file that parses: two spaces per level, "=" of neighbouring attributes
// in one column, comments at the end of neighbouring lines in one column, no spaces at the end.
// Spaces inside expressions are the author's, who shows with them what belongs together. Lines are
// neither joined nor split.
func canonical(src []byte) []byte {
	lines := specLines(src)
	for from := 0; from < len(lines); { // columns of "="
		to := from
		for to < len(lines) && lines[to].name != "" && !lines[to].open && lines[to].indent == lines[from].indent {
			to++
		}
		width := 0
		for _, l := range lines[from:to] {
			width = max(width, len(l.name))
		}
		for k := from; k < max(to, from+1); k++ {
			if l := &lines[k]; l.name != "" {
				l.code = l.name + strings.Repeat(" ", max(0, width-len(l.name))) + " = " + l.code
			}
		}
		from = max(to, from+1)
	}
	for k := range lines {
		if l := &lines[k]; l.code != "" && !l.fixed {
			l.code = strings.Repeat("  ", l.indent) + l.code
		}
	}
	for from := 0; from < len(lines); { // columns of comments
		to, width := from, 0
		for to < len(lines) && lines[to].comment != "" {
			width = max(width, utf8.RuneCountInString(lines[to].code))
			to++
		}
		for k := from; k < to; k++ {
			l := &lines[k]
			l.code += strings.Repeat(" ", width-utf8.RuneCountInString(l.code)) + " " + l.comment
		}
		from = max(to, from+1)
	}
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(l.code + "\n")
	}
	return []byte(strings.TrimRight(out.String(), "\n") + "\n")
}

// specLines reads the lines with the levels that their brackets make. Brackets that open together
// on a line are one level.
func specLines(src []byte) []specLine {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	byLine := map[int][]hclsyntax.Token{}
	fixed := map[int]bool{}
	for _, t := range tokens {
		last := t.Range.End.Line
		if strings.HasSuffix(string(t.Bytes), "\n") {
			last-- // a newline, or a comment with its newline
		}
		for n := t.Range.Start.Line; n <= last && last > t.Range.Start.Line; n++ {
			fixed[n] = true
		}
		byLine[t.Range.Start.Line] = append(byLine[t.Range.Start.Line], t)
	}
	var lines []specLine
	var levels []int // brackets still open, by the line that opened them
	for n, raw := range strings.Split(string(src), "\n") {
		l := specLine{code: strings.TrimSpace(raw), fixed: fixed[n+1], indent: len(levels)}
		if l.fixed {
			l.code = raw
		} else {
			l.split(byLine[n+1])
		}
		opened, leading := 0, true
		for _, t := range byLine[n+1] {
			closes := t.Type == hclsyntax.TokenCBrace || t.Type == hclsyntax.TokenCBrack || t.Type == hclsyntax.TokenCParen
			// a closing bracket at the start of a line stands where its line began
			leading = leading && closes
			switch {
			case t.Type == hclsyntax.TokenOBrace || t.Type == hclsyntax.TokenOBrack || t.Type == hclsyntax.TokenOParen:
				opened++
			case closes && opened > 0:
				opened--
			case closes && len(levels) > 0:
				k := len(levels) - 1
				if levels[k]--; levels[k] == 0 {
					levels = levels[:k]
				}
			}
			if leading {
				l.indent = len(levels)
			}
		}
		if l.open = opened > 0; l.open {
			levels = append(levels, opened)
		}
		lines = append(lines, l)
	}
	return lines
}

// split takes the comment and the name of an attribute off the line.
func (l *specLine) split(tokens []hclsyntax.Token) {
	if len(tokens) == 0 {
		return
	}
	for k, t := range tokens {
		if t.Type == hclsyntax.TokenComment && k > 0 {
			l.comment = strings.TrimSpace(string(t.Bytes))
			l.code = strings.TrimSpace(strings.TrimSuffix(l.code, l.comment))
		}
	}
	if len(tokens) > 2 && tokens[0].Type == hclsyntax.TokenIdent && tokens[1].Type == hclsyntax.TokenEqual {
		l.name = string(tokens[0].Bytes)
		_, rest, _ := strings.Cut(l.code, "=")
		l.code = strings.TrimSpace(rest)
	}
}
