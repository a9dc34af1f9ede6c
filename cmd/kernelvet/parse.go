package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/asm"
)

// source is one assembly file.
type source struct {
	funcs  []*fn
	tables map[string]*table // read-only data by name, as written: "shuffle<>"
	macros []int             // lines
}

// fn is one TEXT.
type fn struct {
	name    string
	line    int
	flags   string
	frame   int // bytes of locals; -1 when unreadable
	args    int // bytes of arguments and results; -1 when not given
	comment string
	insts   []inst
}

// inst is one instruction or data directive inside a TEXT. A label stands before the instruction
// that follows it.
type inst struct {
	line   int
	labels []string
	asm.Line
}

// table is data laid down by DATA and GLOBL.
type table struct {
	line  int
	size  int // of GLOBL, -1 before one is seen
	flags string
	ends  []int // where each DATA ends
	lines []int // and its line
}

var (
	textLine  = regexp.MustCompile(`^TEXT\s+(?:[\w./∕·]*)?·(\w+)(?:<\w*>)?\(SB\)\s*,\s*(?:([\w|]+)\s*,\s*)?\$(-?\d+)(?:-(\d+))?$`)
	dataLine  = regexp.MustCompile(`^DATA\s+([^\s(+]+)(?:\+(\d+|0x[0-9a-fA-F]+))?\(SB\)/(\d+)\s*,`)
	globlLine = regexp.MustCompile(`^GLOBL\s+([^\s(+]+)\(SB\)\s*,\s*(?:([\w|]+)\s*,\s*)?\$(\d+|0x[0-9a-fA-F]+)$`)
	labelText = regexp.MustCompile(`^([A-Za-z_]\w*):\s*`)
)

// parse reads the syntax of Go assembly as far as the rules need it. What it cannot read as an
// instruction it keeps as one, for the assembler to reject.
func parse(text string) *source {
	s := &source{tables: map[string]*table{}}
	var cur *fn
	var labels, above []string // above: comment lines since the last code
	inComment := false
	for n, raw := range strings.Split(text, "\n") {
		line := n + 1
		code, comment := cut(raw, &inComment)
		if code == "" {
			if comment == "" {
				above = nil
			}
			above = append(above, comment)
			continue
		}
		if strings.HasPrefix(code, "#") {
			if !strings.HasPrefix(code, "#include") {
				s.macros = append(s.macros, line)
			}
			continue
		}
		for _, part := range strings.Split(code, ";") {
			part = strings.TrimSpace(part)
			for m := labelText.FindString(part); m != ""; m = labelText.FindString(part) {
				labels = append(labels, strings.TrimSuffix(strings.TrimSpace(m), ":"))
				part = part[len(m):]
			}
			switch word, _, _ := strings.Cut(part, " "); {
			case part == "":
			case strings.HasPrefix(part, "TEXT"):
				cur = text1(part, line)
				cur.comment = strings.Join(above, "\n")
				s.funcs = append(s.funcs, cur)
				labels = nil
			case strings.HasPrefix(part, "DATA"), strings.HasPrefix(part, "GLOBL"):
				s.data(part, line)
			case word == "PCALIGN", word == "PCDATA", word == "FUNCDATA", word == "NO_LOCAL_POINTERS":
			case cur != nil:
				in := instruction(part)
				in.line, in.labels, in.Comment = line, labels, comment
				cur.insts = append(cur.insts, in)
				labels = nil
			}
		}
		above = nil
	}
	return s
}

// cut separates code from comment, both trimmed. inComment carries /* over lines.
func cut(raw string, inComment *bool) (code, comment string) {
	for raw != "" {
		if *inComment {
			head, tail, closed := strings.Cut(raw, "*/")
			comment += head
			raw, *inComment = tail, !closed
			continue
		}
		line, block := strings.Index(raw, "//"), strings.Index(raw, "/*")
		switch {
		case line >= 0 && (block < 0 || line < block):
			return strings.TrimSpace(code + raw[:line]), strings.TrimPrefix(raw[line+2:], " ")
		case block >= 0:
			code += raw[:block]
			raw, *inComment = raw[block+2:], true
		default:
			code, raw = code+raw, ""
		}
	}
	return strings.TrimSpace(code), strings.TrimSpace(comment)
}

// text1 reads a TEXT line; one that it cannot read has frame -1.
func text1(part string, line int) *fn {
	m := textLine.FindStringSubmatch(part)
	if m == nil {
		return &fn{name: part, line: line, frame: -1, args: -1}
	}
	f := &fn{name: m[1], line: line, flags: m[2], frame: number(m[3]), args: -1}
	if m[4] != "" {
		f.args = number(m[4])
	}
	return f
}

// data reads a DATA or GLOBL line.
func (s *source) data(part string, line int) {
	if m := dataLine.FindStringSubmatch(part); m != nil {
		t := s.table(m[1], line)
		t.ends = append(t.ends, number(m[2])+number(m[3]))
		t.lines = append(t.lines, line)
	} else if m := globlLine.FindStringSubmatch(part); m != nil {
		t := s.table(m[1], line)
		t.line, t.flags, t.size = line, m[2], number(m[3])
	}
}

func (s *source) table(name string, line int) *table {
	if s.tables[name] == nil {
		s.tables[name] = &table{line: line, size: -1}
	}
	return s.tables[name]
}

// instruction splits a mnemonic from its operands.
func instruction(part string) inst {
	op, rest, _ := strings.Cut(strings.ReplaceAll(part, "\t", " "), " ")
	op, suffix, _ := strings.Cut(op, ".")
	in := inst{Line: asm.Line{Op: op, Suffix: suffix}}
	depth, from := 0, 0
	for i, r := range rest {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				in.Args = append(in.Args, strings.TrimSpace(rest[from:i]))
				from = i + 1
			}
		}
	}
	if last := strings.TrimSpace(rest[from:]); last != "" {
		in.Args = append(in.Args, last)
	}
	return in
}

// number reads what the patterns above let through; "" is 0.
func number(s string) int {
	n, _ := strconv.ParseInt(s, 0, 32)
	return int(n)
}
