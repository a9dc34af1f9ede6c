package main

import (
	"fmt"
	"strings"

	"github.com/kvgen/kvgen/gen/spec"
)

// layout draws the block: a box per field, offsets in bytes below.
//
//	┌──────┬────────────┐
//	│ norm │ qs         │
//	│ f16  │ 32 bytes   │
//	└──────┴────────────┘
//	0      2            34
func (e *explanation) layout() {
	var top, names, kinds, bottom, offsets strings.Builder
	for k, f := range e.t.Fields {
		kind := kindName(f)
		// A field is drawn wider the more bytes it has, within what a screen holds.
		width := 2 + max(len(f.Name), len(kind), min(f.Bytes/4, 24))
		left, right := "┬", "┴"
		if k == 0 {
			left, right = "┌", "└"
		}
		line := strings.Repeat("─", width)
		top.WriteString(left + line)
		bottom.WriteString(right + line)
		fmt.Fprintf(&names, "│ %-*s", width-1, f.Name)
		fmt.Fprintf(&kinds, "│ %-*s", width-1, kind)
		fmt.Fprintf(&offsets, "%-*d", width+1, f.Offset)
	}
	e.printf("\nBlock\n\n  %s┐\n  %s│\n  %s│\n  %s┘\n  %s%d\n", &top, &names, &kinds, &bottom, &offsets, e.t.Bytes)
}

func kindName(f *spec.Field) string {
	switch f.Kind {
	case spec.F16:
		return "f16"
	case spec.BF16:
		return "bf16"
	case spec.F32:
		return "f32"
	case spec.E8M0:
		return "e8m0"
	}
	if f.Bytes == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", f.Bytes)
}

// codes prints the arithmetic of each code and then the bytes that hold them, bit by bit.
func (e *explanation) codes() {
	if len(e.t.Codes) == 0 {
		return
	}
	e.printf("\nCodes\n\n")
	for _, c := range e.t.Codes {
		sign, each := "", "one per value"
		if c.Signed {
			sign = "signed "
		}
		if c.Group > 1 {
			each = fmt.Sprintf("one per %d values", c.Group)
		}
		e.printf("  %s = %s\n  %s%d bits, %s\n\n", c.Name, e.written(c.Range), strings.Repeat(" ", len(c.Name)+2)+sign, c.Bits, each)
	}
	e.printf("  Bytes from bit 7 down to bit 0; %s.2 is bit 2 of the %s of value 5.\n\n", e.label(e.t.Codes[0], 5), e.t.Codes[0].Name)
	owners := e.owners()
	name, width := 0, 1
	for _, f := range e.t.Fields {
		if f.Kind == spec.U8 {
			name = max(name, len(fmt.Sprintf("%s[%d]", f.Name, f.Bytes-1)))
		}
	}
	for _, owner := range owners {
		width = max(width, len(owner))
	}
	for _, f := range e.t.Fields {
		if f.Kind == spec.U8 {
			e.bytes(f, owners, name, width)
		}
	}
}

// label names a code at value i: the value alone when the type has but one code.
func (e *explanation) label(c *spec.Code, i int) string {
	if len(e.t.Codes) == 1 {
		return fmt.Sprint(i)
	}
	return fmt.Sprintf("%s%d", c.Name, i)
}

// owners says for every bit of the block what it holds.
func (e *explanation) owners() map[int]string {
	owners := map[int]string{}
	for _, c := range e.t.Codes {
		for i := range c.Parts {
			for _, p := range c.Parts[i] {
				for k := range p.Width {
					if owners[p.Bit+k] == "" { // the first of the values that share it
						owners[p.Bit+k] = fmt.Sprintf("%s.%d", e.label(c, i), p.Shift+k)
					}
				}
			}
		}
	}
	return owners
}

// bytes prints the first and the last bytes of a field; name and width are those of the columns.
func (e *explanation) bytes(f *spec.Field, owners map[int]string, name, width int) {
	for k := range f.Bytes {
		switch {
		case f.Bytes > 5 && k == 3:
			e.printf("  %-*s  ...\n", name, "")
			continue
		case f.Bytes > 5 && k > 3 && k < f.Bytes-1:
			continue
		}
		e.printf("  %-*s ", name, fmt.Sprintf("%s[%d]", f.Name, k))
		for bit := 7; bit >= 0; bit-- {
			owner := owners[8*(f.Offset+k)+bit]
			if owner == "" {
				owner = "-"
			}
			e.printf(" %*s", width, owner)
		}
		e.printf("\n")
	}
}
