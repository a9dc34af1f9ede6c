package arm64

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// instruction is a row of the table: how an instruction is written, and its word.
type instruction struct {
	key     string // by which selections name it
	text    string // as LLVM's disassembler writes it, with fields between braces
	bits    uint32 // the word, where all fields are 0
	feature string // that it needs beyond ARMv8.0, as cpuid names it; "" for none
}

// field says where the value of an operand lies in a word.
type field struct {
	bits []int // positions, the lowest bit of the value first
	// the value is what stands in the text, divided by scale, or taken from less where it is set
	scale, less int
	signed      bool
}

// span is so many bits from position at on.
func span(at, n int) (list []int) {
	for k := range n {
		list = append(list, at+k)
	}
	return list
}

// fields are those that texts name. Registers are d, n, m and a; {n+1} is the register after n, as
// lists of registers have it.
var fields = map[string]field{
	"d": {bits: span(0, 5)}, "n": {bits: span(5, 5)}, "m": {bits: span(16, 5)},

	// shifts to the left, and to the right, of lanes of 8, 16 and 32 bits
	"left8": {bits: span(16, 3)}, "left16": {bits: span(16, 4)}, "left32": {bits: span(16, 5)},
	"right8": {bits: span(16, 3), less: 8}, "right16": {bits: span(16, 4), less: 16}, "right32": {bits: span(16, 5), less: 32},

	// the lane that is written or copied, and the lane that is read beside it
	"b": {bits: span(17, 4)}, "h": {bits: span(18, 3)}, "s": {bits: span(19, 2)}, "q": {bits: span(20, 1)},
	"fromb": {bits: span(11, 4)}, "fromh": {bits: span(12, 3)}, "froms": {bits: span(13, 2)},
	// the lane of a factor
	"element": {bits: []int{21, 11}}, // bit 21 is the low one
	// the lane of a load or a store
	"memb": {bits: []int{10, 11, 12, 30}}, "memh": {bits: []int{11, 12, 30}}, "mems": {bits: []int{12, 30}}, "memd": {bits: []int{30}},

	"bytes": {bits: span(11, 4)},
	"imm8":  {bits: []int{5, 6, 7, 8, 9, 16, 17, 18}},
	"off1":  {bits: span(10, 12)}, "off2": {bits: span(10, 12), scale: 2}, "off8": {bits: span(10, 12), scale: 8},
	"near": {bits: span(12, 9), signed: true},
}

var fieldText = regexp.MustCompile(`\{(\w+)(\+\d)?\}`)

// byKey finds a row.
var byKey = func() map[string]*instruction {
	all := map[string]*instruction{}
	for k := range table {
		if all[table[k].key] != nil {
			panic("arm64: two instructions are called " + table[k].key)
		}
		all[table[k].key] = &table[k]
	}
	return all
}()

// piece is a part of a row's text: words, then a field's value with next added, unless it has no
// field.
type piece struct {
	words, field string
	list         bool // the register after another one in a list
	next         int
}

// pieces are a row's text, cut at its fields.
func (i *instruction) pieces() []piece { return cut(i.text) }

// cut takes a text apart. There are few texts, and each is read for every instruction of its kind.
func cut(text string) (list []piece) {
	if known, ok := cuts.Load(text); ok {
		return known.([]piece)
	}
	at := 0
	for _, m := range fieldText.FindAllStringSubmatchIndex(text, -1) {
		p := piece{words: text[at:m[0]], field: text[m[2]:m[3]], list: m[4] >= 0}
		if p.list {
			p.next = int(text[m[4]+1] - '0')
		}
		list, at = append(list, p), m[1]
	}
	list = append(list, piece{words: text[at:]})
	cuts.Store(text, list)
	return list
}

var cuts sync.Map // of texts, []piece each

// names are the fields of a row in the order of its text, each once.
func (i *instruction) names() (list []string) {
	for _, p := range i.pieces() {
		if p.field != "" && !p.list {
			list = append(list, p.field)
		}
	}
	return list
}

// encode makes the word and its text of the values of the fields, in the order of names.
func (i *instruction) encode(values []int) (word uint32, text string) {
	names := i.names()
	if len(values) != len(names) {
		panic(fmt.Sprintf("arm64: %s has %d operands, got %v", i.key, len(names), values))
	}
	word = i.bits
	for k, name := range names {
		word |= fields[name].place(i.key+" "+name, values[k])
	}
	return word, i.write(func(name string) int {
		for k := range names {
			if names[k] == name {
				return values[k]
			}
		}
		panic("arm64: no field " + name)
	})
}

// place is a value in its bits. One that does not fit is a mistake of the selection.
func (f field) place(what string, v int) (word uint32) {
	n := v
	if f.less > 0 {
		n = f.less - v
	}
	if f.scale > 0 {
		if n%f.scale != 0 {
			panic(fmt.Sprintf("arm64: %s: %d is no multiple of %d", what, v, f.scale))
		}
		n /= f.scale
	}
	least, most := 0, 1<<len(f.bits)-1
	if f.signed {
		least, most = -(1 << (len(f.bits) - 1)), 1<<(len(f.bits)-1)-1
	}
	if n < least || n > most {
		panic(fmt.Sprintf("arm64: %s: %d does not fit %d bits", what, v, len(f.bits)))
	}
	for k, at := range f.bits {
		word |= uint32(n>>k) & 1 << at
	}
	return word
}

// read is the value in the bits of a word.
func (f field) read(word uint32) int {
	n := 0
	for k, at := range f.bits {
		n |= int(word>>at&1) << k
	}
	if f.signed && n>>(len(f.bits)-1) != 0 {
		n -= 1 << len(f.bits)
	}
	if f.less > 0 {
		return f.less - n
	}
	return n * max(1, f.scale)
}

// write is the text with the values of its fields. An offset of 0 is not written, and an or of a
// register with itself is a move.
func (i *instruction) write(value func(name string) int) string {
	text := i.text
	if i.key == "orr" && value("n") == value("m") {
		text = "mov v{d}.16b, v{n}.16b"
	}
	var b strings.Builder
	for _, p := range cut(text) {
		b.WriteString(p.words)
		switch {
		case p.list:
			b.WriteString(strconv.Itoa((value(p.field) + p.next) % 32))
		case p.field != "":
			b.WriteString(strconv.Itoa(value(p.field)))
		}
	}
	return strings.Replace(b.String(), ", #0]", "]", 1)
}

// mask has the bits that are no part of a field.
func (i *instruction) mask() uint32 {
	m := ^uint32(0)
	for _, name := range i.names() {
		for _, at := range fields[name].bits {
			m &^= 1 << at
		}
	}
	return m
}

// decode finds the row of a word and its text; nil where no row has it. Of several rows that match,
// the one with the fewest fields says more, as a move does of an or.
func decode(word uint32) (found *instruction, text string) {
	for k := range table {
		i := &table[k]
		if m := masks[k]; word&m != i.bits || found != nil && len(found.names()) <= len(i.names()) {
			continue
		}
		found = i
	}
	if found == nil {
		return nil, ""
	}
	return found, found.write(func(name string) int { return fields[name].read(word) })
}

var masks = func() (list []uint32) {
	for k := range table {
		list = append(list, table[k].mask())
	}
	return list
}()
