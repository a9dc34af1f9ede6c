package spec

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
)

// Limits keep a hostile or mistaken spec from taking memory, time or the stack. Real types stay far
// below them.
const (
	maxFile    = 64 << 10  // bytes of one spec file
	maxNesting = 64        // brackets within brackets
	maxDepth   = 256       // levels of one expression
	maxBlock   = 1024      // values per block
	minBlock   = 16        // values per block, except 1 for a plain float
	minRun     = 8         // values of a run of min and max
	maxFields  = 32        // entries of layout
	maxBytes   = 8192      // bytes of a block
	maxLevels  = 256       // entries of a codebook or of a list
	maxDim     = 16        // values of a point
	maxParity  = 8         // values of a point of signs
	maxValues  = 1 << 15   // values of a table of points
	maxMembers = 64        // types of one family
	maxList    = 64        // values of one family parameter
	maxCode    = 16        // bits of a code
	maxAttrs   = 64        // attributes of a type, statements of encode
	maxName    = 32        // bytes of a name
	maxText    = 240       // bytes of a summary
	maxHead    = 1 << 15   // values of a head, for the arithmetic of guards
	maxInt     = 1 << 24   // index arithmetic stays below: exact as f32, no overflow
	maxSteps   = 8_000_000 // evaluations over i; the project's own files take about a tenth
)

// nesting finds the byte at which brackets nest deeper than maxNesting. HCL's
// parser recurses, so this is checked on the raw text first; brackets in
// comments and strings count too, which no sane spec notices.
func nesting(src []byte) (at int, deep bool) {
	depth := 0
	for i, c := range src {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth > maxNesting {
			return i, true
		}
	}
	return 0, false
}

// position is the range of the byte at offset at.
func position(file string, src []byte, at int) hcl.Range {
	line := bytes.Count(src[:at], []byte("\n")) + 1
	column := at - bytes.LastIndexByte(src[:at], '\n')
	p := hcl.Pos{Line: line, Column: column, Byte: at}
	return hcl.Range{Filename: file, Start: p, End: hcl.Pos{Line: line, Column: column + 1, Byte: at + 1}}
}

// isName reports whether s is a name for a type, field, code or local: letters, digits and _, a
// letter first.
func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}
