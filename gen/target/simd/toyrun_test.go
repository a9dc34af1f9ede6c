package simd

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/gen/ir"
)

// The text of the toy is read back into operations on its registers, which ir.Eval then runs: what
// they compute, as real registers that are written again and again, is what the kernel means.

// reading is the state of one text.
type reading struct {
	data   map[string][]byte // constants
	fn     *ir.Func          // the kernel, for its parameters
	lines  []string
	b      *ir.Builder
	gp     [16]*ir.Value
	spare  int // the number of the next value that is no register
	within []string
}

// vectorRegisters is how many the toy has. Value k+1 of what is read is register k.
const vectorRegisters = 8

// read makes a function of the lines of a text. It panics with a string where something is no toy.
func (r *reading) read(text string) (f *ir.Func, err error) {
	defer func() {
		if why, ok := recover().(string); ok {
			err = fmt.Errorf("%s: %s", r.fn.Name, why)
		}
	}()
	for line := range strings.Lines(text) {
		code, comment, _ := strings.Cut(strings.TrimSpace(line), "//")
		if code = strings.TrimSpace(code); strings.HasPrefix(code, "WORD") {
			code = strings.TrimSpace(decoded(code) + "//" + strings.TrimSpace(comment))
		}
		if code != "" && !strings.HasPrefix(code, "TEXT") {
			r.lines = append(r.lines, code)
		}
	}
	r.b = ir.Build(r.fn.Name, r.fn.Params)
	for range 64 { // numbers for registers and the values in between
		r.b.Zero(ir.Type{Elem: ir.I8, Lanes: 16}, "register")
	}
	r.b.F.Body = nil
	for k := range r.gp {
		r.gp[k] = &ir.Value{Type: ir.Type{Elem: ir.Word, Lanes: 1}, Name: fmt.Sprint("R", k)}
	}
	f = r.b.F
	f.Body = r.block("")
	return f, nil
}

// decoded is the instruction of a word, without types, which the word does not hold.
func decoded(code string) string {
	w, err := strconv.ParseUint(strings.TrimPrefix(strings.Fields(code)[1], "$"), 0, 32)
	number := int(w>>24) - 0xD0
	if err != nil || number < 0 || number >= len(encoded) {
		panic("no such word: " + code)
	}
	s := strings.ToUpper(encoded[number].Name)
	for k := range 3 {
		s += fmt.Sprintf(" V%d", w>>(4*k)&15)
	}
	return s
}

var memoryText = regexp.MustCompile(`^\[R(\d+)(?:\+R(\d+)\*(\d+))?([+-]\d+)\]$`)

// block reads up to a label, which ends a loop, or up to RET.
func (r *reading) block(end string) (body []ir.Node) {
	for {
		if len(r.lines) == 0 {
			panic("no end of " + end)
		}
		line := r.lines[0]
		r.lines = r.lines[1:]
		switch name, rest, _ := strings.Cut(line, " "); {
		case name == "RET":
			if end != "" {
				panic("RET inside of a loop")
			}
			return body
		case name == "SUBS": // of a loop: SUBS BLT label: ... SUBS BGE done: ADDS
			if strings.HasPrefix(r.lines[0], "BGE") {
				if strings.Fields(r.lines[0])[1]+":" != end {
					panic("a jump to another loop: " + r.lines[0])
				}
				r.lines = append([]string{line}, r.lines...)
				return body
			}
			done, top := strings.Fields(r.lines[0])[1]+":", r.lines[1]
			r.lines = r.lines[2:]
			step, count, _ := strings.Cut(strings.TrimSpace(rest), ", ")
			n, _ := strconv.Atoi(strings.TrimPrefix(step, "$"))
			loop := &ir.Loop{Count: r.register(count).value, Step: n, Body: r.block(top)}
			if want := []string{line, "BGE", done, "ADDS" + strings.TrimPrefix(line, "SUBS")}; r.lines[0] != want[0] || r.lines[2] != want[2] || r.lines[3] != want[3] {
				panic(fmt.Sprintf("a loop ends with %q", r.lines[:4]))
			}
			r.lines = r.lines[4:]
			body = append(body, loop)
		default:
			body = append(body, r.instruction(name, strings.TrimSpace(rest))...)
		}
	}
}

// operand is one as text and, where it is a register, its value.
type operand struct {
	text  string
	value *ir.Value
}

// register reads R3 or V2.F32X4.
func (r *reading) register(text string) operand {
	name, arrangement, vector := strings.Cut(text, ".")
	k, err := strconv.Atoi(name[1:])
	if !vector {
		if err != nil || name[0] != 'R' || k >= len(r.gp) {
			panic("no such register: " + text)
		}
		return operand{text, r.gp[k]}
	}
	for elem := ir.I8; elem <= ir.F64; elem++ {
		t := ir.Type{Elem: elem, Lanes: 16 / (ir.Type{Elem: elem, Lanes: 1}).Bytes()}
		if err == nil && name[0] == 'V' && k < vectorRegisters && strings.ToUpper(t.String()) == arrangement {
			return operand{text, &ir.Value{ID: k + 1, Type: t, Name: text}}
		}
	}
	panic("no such register: " + text)
}

func (r *reading) memory(m []string) ir.Mem {
	at := ir.Mem{Base: r.register("R" + m[1]).value}
	at.Off, _ = strconv.Atoi(m[4])
	if m[2] != "" {
		at.Index = r.register("R" + m[2]).value
		at.Scale, _ = strconv.Atoi(m[3])
	}
	return at
}

// instruction reads one operation.
func (r *reading) instruction(name, rest string) []ir.Node {
	// The types are in the comment: the rest must agree.
	if word, comment, is := strings.Cut(name+" "+rest, "//"); is {
		name, rest, _ = strings.Cut(strings.TrimSpace(comment), " ")
		plain := regexp.MustCompile(`\.\w+|,`).ReplaceAllString(rest, "")
		if word != name+" "+plain {
			panic(fmt.Sprintf("the word is %s, its comment %s %s", word, name, rest))
		}
	}
	op := operation(name)
	in := &ir.Instr{Op: op}
	var args []*ir.Value
	places := 0
	for _, text := range strings.Split(strings.TrimSpace(rest), ", ") {
		m := memoryText.FindStringSubmatch(text)
		switch {
		case text == "" || strings.HasSuffix(text, "(RSP)"):
		case m != nil && places == 0:
			in.Mem, places = r.memory(m), 1
		case m != nil:
			in.Mem2 = r.memory(m)
		case strings.HasSuffix(text, "(FP)"):
			param, _, _ := strings.Cut(text, "+")
			in.Imm = slices.IndexFunc(r.fn.Params, func(p ir.Param) bool { return p.Name == param })
		case strings.HasSuffix(text, "<>+0(SB)"):
			in.Const = r.data[strings.TrimSuffix(text, "<>+0(SB)")]
		case text[0] == '$':
			n, err := strconv.ParseInt(text[1:], 0, 64)
			if err != nil {
				panic(err.Error())
			}
			in.Imm = int(n)
		default:
			args = append(args, r.register(text).value)
		}
	}
	switch last := len(args) - 1; {
	case op.Makes != nil:
		in.Args = args[:last]
		if args[last].Type.Elem == ir.Word {
			in.Dst = args[last]
			break
		}
		// A register may be argument and result: the result goes through a value of its own.
		r.spare = r.spare%32 + 1
		in.Dst = &ir.Value{ID: vectorRegisters + 1 + r.spare, Type: args[last].Type, Name: "result"}
		return []ir.Node{in, &ir.Instr{Op: ir.OpAs, Args: []*ir.Value{in.Dst}, Dst: args[last]}}
	case len(op.Args) > 0 && op.Args[0].InPlace:
		in.Args = append([]*ir.Value{args[last]}, args[:last]...)
	default:
		in.Args = args
	}
	return []ir.Node{in}
}

func operation(name string) ir.Op {
	for _, o := range ir.Ops() {
		if strings.ToUpper(o.Name) == name {
			return o
		}
	}
	panic("no such instruction: " + name)
}

var dataLine = regexp.MustCompile(`(?m)^DATA (\w+)<>\+\d+\(SB\)/8, \$0x([0-9a-f]{16})$`)

// constantsOf are those that DATA lines lay down.
func constantsOf(text string) map[string][]byte {
	data := map[string][]byte{}
	for _, m := range dataLine.FindAllStringSubmatch(text, -1) {
		w, _ := strconv.ParseUint(m[2], 16, 64)
		data[m[1]] = binary.LittleEndian.AppendUint64(data[m[1]], w)
	}
	return data
}
