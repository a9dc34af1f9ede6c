package ir

import (
	"encoding/binary"
	"fmt"
	"math"
)

// An Argument of Eval: Memory where the parameter is an address, Int where it is a word.
type Argument interface{ scalar(p Param) (scalar, error) }

// Memory is what the address of a parameter starts: the kernel may reach these bytes and no others.
type Memory []byte

// Int is a word.
type Int int

func (m Memory) scalar(p Param) (scalar, error) {
	if p.Type.Elem != Addr {
		return scalar{}, fmt.Errorf("%s is a word: memory cannot be given for it", p.Name)
	}
	return scalar{buf: &buffer{name: p.Name, data: m, base: 8}}, nil
}

func (n Int) scalar(p Param) (scalar, error) {
	if p.Type.Elem != Word {
		return scalar{}, fmt.Errorf("%s is an address: the word %d cannot be given for it", p.Name, n)
	}
	return scalar{n: int(n)}, nil
}

// maxSteps bounds what Eval executes: a kernel whose loop does not end is a mistake.
const maxSteps = 10_000_000

// Eval runs f, which Verify passes, by the meaning of its operations. An access outside of what the
// arguments, the tables and the frame hold is an error that names the instruction. So are bytes of
// the frame that are read before they are written, a store to a constant, and lanes beyond what an
// operation allows.
func Eval(f *Func, args ...Argument) (err error) {
	if len(args) != len(f.Params) {
		return fmt.Errorf("ir: %s: %d arguments, want %d", f.Name, len(args), len(f.Params))
	}
	e := &evaluation{scalars: map[*Value]scalar{}, slots: map[*Instr]*buffer{}, vectors: make([][]byte, f.values+1)}
	for i, a := range args {
		s, err := a.scalar(f.Params[i])
		if err != nil {
			return fmt.Errorf("ir: %s: %w", f.Name, err)
		}
		e.params = append(e.params, s)
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("ir: %s: %v: %s", f.Name, e.at, r)
		default:
			panic(r)
		}
	}()
	e.run(f.Body)
	return nil
}

// failure is why an instruction cannot be executed.
type failure string

func fault(format string, args ...any) failure { return failure(fmt.Sprintf(format, args...)) }

// evaluation is the state of one Eval.
type evaluation struct {
	params  []scalar
	scalars map[*Value]scalar
	vectors [][]byte // by the ID of a value
	slots   map[*Instr]*buffer
	at      *Instr
	steps   int
}

// scalar is a word, or an address n bytes into a buffer.
type scalar struct {
	buf *buffer
	n   int
}

// buffer is memory. Its address is base; only what an address modulo a power of two is depends on
// it.
type buffer struct {
	name     string
	data     []byte
	base     int
	constant bool
	written  []bool // of the frame; nil where all bytes have a value
}

func (e *evaluation) run(body []Node) {
	for _, n := range body {
		switch n := n.(type) {
		case *Instr:
			if e.steps++; e.steps > maxSteps {
				panic(fault("more than %d operations executed", maxSteps))
			}
			e.at = n
			e.check(n)
			n.Op.mean(e, n)
		case *Loop:
			e.move(n.Count, -n.Step)
			for e.scalars[n.Count].n >= 0 {
				e.run(n.Body)
				e.move(n.Count, -n.Step)
			}
			e.move(n.Count, n.Step)
		}
	}
}

// check looks at lanes that an operation limits.
func (e *evaluation) check(in *Instr) {
	for i, v := range in.Args {
		a := in.Op.arg(i)
		if !a.Mask && a.Lo >= a.Hi {
			continue
		}
		if v.Type.Elem == Word {
			if n := e.scalars[v].n; n < a.Lo || n > a.Hi {
				panic(fault("%v is %d, allowed: %d to %d", v, n, a.Lo, a.Hi))
			}
			continue
		}
		x := e.lanes(v)
		for l := range v.Type.Lanes {
			n := 0
			switch {
			case v.Type.Elem != I8:
				n = int(int32(word(x, l)))
			case a.Lo < 0:
				n = int(int8(x[l]))
			default:
				n = int(x[l])
			}
			if a.Mask && n != 0 && n != -1 || !a.Mask && (n < a.Lo || n > a.Hi) {
				panic(fault("lane %d of %v is %d, allowed: %s", l, v, n, a.allowed()))
			}
		}
	}
}

func (e *evaluation) move(v *Value, n int) {
	s := e.scalars[v]
	s.n += n
	e.scalars[v] = s
}

// lanes is a vector. It has a value: Verify says so.
func (e *evaluation) lanes(v *Value) []byte { return e.vectors[v.ID] }

// second is Args[1] or the constant in its place.
func (e *evaluation) second(in *Instr) []byte {
	if in.Const != nil {
		return in.Const
	}
	return e.lanes(in.Args[1])
}

// result is the vector that an instruction writes.
func (e *evaluation) result(in *Instr) []byte { return e.vector(in.Dst) }

func (e *evaluation) vector(v *Value) []byte {
	if e.vectors[v.ID] == nil {
		e.vectors[v.ID] = make([]byte, v.Type.Bytes())
	}
	return e.vectors[v.ID]
}

// fill8, fill16 and fill32 write the result, in lanes of these sizes, fillF32 in those of floats.
func (e *evaluation) fill8(in *Instr, f func(l int) byte) {
	d := e.result(in)
	for l := range d {
		d[l] = f(l)
	}
}

func (e *evaluation) fill16(in *Instr, f func(l int) uint16) {
	d := e.result(in)
	for l := range len(d) / 2 {
		binary.LittleEndian.PutUint16(d[2*l:], f(l))
	}
}

func (e *evaluation) fill32(in *Instr, f func(l int) uint32) { e.put(in.Dst, f) }

func (e *evaluation) fillF32(in *Instr, f func(l int) float32) {
	e.put(in.Dst, func(l int) uint32 { return math.Float32bits(f(l)) })
}

// add32 adds to the words of Args[0].
func (e *evaluation) add32(in *Instr, f func(l int) uint32) {
	acc := e.lanes(in.Args[0])
	e.put(in.Args[0], func(l int) uint32 { return word(acc, l) + f(l) })
}

func (e *evaluation) put(v *Value, f func(l int) uint32) {
	d := e.vector(v)
	for l := range len(d) / 4 {
		binary.LittleEndian.PutUint32(d[4*l:], f(l))
	}
}

// slot is the buffer of an OpSlot. Its bytes have no value yet.
func (e *evaluation) slot(in *Instr) *buffer {
	if e.slots[in] == nil {
		e.slots[in] = &buffer{name: in.Dst.Name, data: make([]byte, in.Imm), written: make([]bool, in.Imm)}
	}
	return e.slots[in]
}

// place is n bytes at m.
func (e *evaluation) place(m Mem, n int, what string) (*buffer, int) {
	s := e.scalars[m.Base]
	off := s.n + m.Off
	if m.Index != nil {
		off += e.scalars[m.Index].n * m.Scale
	}
	if off < 0 || off > len(s.buf.data)-n {
		panic(fault("%s %d bytes from byte %d of %s, which has %d", what, n, off, s.buf.name, len(s.buf.data)))
	}
	return s.buf, off
}

func (e *evaluation) read(m Mem, n int) []byte {
	buf, off := e.place(m, n, "reads")
	if buf.written != nil {
		for k, set := range buf.written[off : off+n] {
			if !set {
				panic(fault("reads byte %d of the frame's %s, which nothing has written", off+k, buf.name))
			}
		}
	}
	return buf.data[off : off+n]
}

func (e *evaluation) write(m Mem, x []byte) {
	buf, off := e.place(m, len(x), "writes")
	if buf.constant {
		panic(fault("writes the constant %s", buf.name))
	}
	copy(buf.data[off:], x)
	if buf.written != nil {
		for k := off; k < off+len(x); k++ {
			buf.written[k] = true
		}
	}
}
