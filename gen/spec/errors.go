package spec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
)

// Errors is every mistake of a set of spec files, sorted by file and position.
// Each diagnostic's Summary is the name of the rule that was broken ("syntax"
// when HCL itself could not read the text) and its Detail says how.
type Errors struct {
	Diagnostics hcl.Diagnostics
	files       map[string][]byte
}

// maxShown bounds the text: a generated file may be wrong a thousand times.
const maxShown = 100

// Error prints one paragraph per mistake: file:line:col, message, rule, and the line it is about.
func (e *Errors) Error() string {
	var b strings.Builder
	for i, d := range e.Diagnostics {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxShown {
			fmt.Fprintf(&b, "and %d more", len(e.Diagnostics)-i)
			break
		}
		r := d.Subject
		fmt.Fprintf(&b, "%s:%d:%d: %s [%s]", printable(r.Filename), r.Start.Line, r.Start.Column, printable(d.Detail), d.Summary)
		writeSnippet(&b, e.files[r.Filename], *r)
	}
	return b.String()
}

// printable is s without control characters: a hostile file may hold terminal escapes, and so may
// its name.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// snippetWidth bounds the line that is shown: a hostile file may be one line of 64 KiB.
const snippetWidth = 160

// writeSnippet shows the first line of r with a caret under each of its columns.
func writeSnippet(b *strings.Builder, src []byte, r hcl.Range) {
	if r.Start.Byte > len(src) {
		return
	}
	start := bytes.LastIndexByte(src[:r.Start.Byte], '\n') + 1
	line, _, _ := bytes.Cut(src[start:], []byte("\n"))
	from := r.Start.Byte - start
	width := min(r.End.Byte, start+len(line)) - r.Start.Byte
	if from > snippetWidth || len(line) == 0 {
		return
	}
	shown := printable(string(line[:min(len(line), snippetWidth)]))
	width = max(1, min(width, len(line)-from, snippetWidth-from))
	// A tab stays a tab, so that the carets line up in any terminal.
	indent := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(string(line[:from]), "?"))
	number := fmt.Sprintf("%5d | ", r.Start.Line)
	fmt.Fprintf(b, "\n%s%s\n      | %s%s", number, shown, indent, strings.Repeat("^", width))
}

// report collects diagnostics. A place is reported once per rule: members of a family repeat their
// text's mistakes.
type report struct {
	diags  hcl.Diagnostics
	seen   map[string]bool
	src    map[string][]byte
	failed int  // all mistakes, with those that were reported before
	spent  bool // maxSteps is exceeded: later findings are consequences
}

// fail records that rule is broken at rng.
func (r *report) fail(rule rule, rng hcl.Range, args ...any) {
	r.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: rule.Name, Detail: fmt.Sprintf(rule.Format, args...), Subject: &rng})
}

func (r *report) add(d *hcl.Diagnostic) {
	r.failed++
	if r.spent {
		return
	}
	if d.Subject == nil {
		d.Subject = &hcl.Range{}
	}
	key := fmt.Sprintf("%s %v", d.Summary, *d.Subject)
	if r.seen[key] {
		return
	}
	r.seen[key] = true
	r.diags = append(r.diags, d)
}

// maxSyntax bounds the report of a file that is no HCL at all: its parser complains of every NUL.
const maxSyntax = 10

// syntax records what the HCL parser found first.
func (r *report) syntax(diags hcl.Diagnostics) {
	for _, d := range diags[:min(len(diags), maxSyntax)] {
		detail := strings.TrimSuffix(d.Summary, ".")
		if d.Detail != "" {
			detail += ": " + strings.Join(strings.Fields(d.Detail), " ")
		}
		r.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: ruleSyntax.Name, Detail: detail, Subject: d.Subject})
	}
}

// err returns nil or everything reported so far, in order.
func (r *report) err() error {
	if len(r.diags) == 0 {
		return nil
	}
	slices.SortStableFunc(r.diags, func(a, b *hcl.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Summary, b.Summary))
	})
	return &Errors{r.diags, r.src}
}

// Rules returns the name of the broken rule of each diagnostic, in order.
func (e *Errors) Rules() []string {
	var names []string
	for _, d := range e.Diagnostics {
		names = append(names, d.Summary)
	}
	return names
}
