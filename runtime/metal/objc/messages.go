//go:build darwin || (linux && (amd64 || arm64))

package objc

import (
	"reflect"

	"github.com/ebitengine/purego"
)

// messages sends them by a function of C. It is apart from macOS, since other systems can show that
// arguments come as C wants them.
type messages struct {
	send     uintptr // objc_msgSend
	selector func(name string) SEL
}

// Send knows the forms of messages that launches send, which must be quick; others go through
// reflection. A result is a word on every machine: messages that return structs are not used.
func (s messages) Send(fn any, selector string) error {
	sel := uintptr(s.selector(selector))
	switch fn := fn.(type) {
	case *func(ID):
		*fn = func(to ID) { purego.SyscallN(s.send, uintptr(to), sel) }
	case *func(ID, ID):
		*fn = func(to, a ID) { purego.SyscallN(s.send, uintptr(to), sel, uintptr(a)) }
	case *func(ID, uint64):
		*fn = func(to ID, a uint64) { purego.SyscallN(s.send, uintptr(to), sel, uintptr(a)) }
	case *func(ID, uint64, uint64):
		*fn = func(to ID, a, b uint64) { purego.SyscallN(s.send, uintptr(to), sel, uintptr(a), uintptr(b)) }
	case *func(ID, ID, uint64, uint64):
		*fn = func(to, a ID, b, c uint64) {
			purego.SyscallN(s.send, uintptr(to), sel, uintptr(a), uintptr(b), uintptr(c))
		}
	case *func(ID, Size, Size):
		var send func(ID, SEL, Size, Size)
		purego.RegisterFunc(&send, s.send)
		*fn = func(to ID, a, b Size) { send(to, SEL(sel), a, b) }
	default:
		return s.sendAny(reflect.ValueOf(fn).Elem(), SEL(sel))
	}
	return nil
}

// sendAny puts the name of the message after the first argument of a func.
func (s messages) sendAny(fn reflect.Value, sel SEL) error {
	t := fn.Type()
	in, out := []reflect.Type{t.In(0), reflect.TypeFor[SEL]()}, []reflect.Type{}
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	send := reflect.New(reflect.FuncOf(in, out, false))
	purego.RegisterFunc(send.Interface(), s.send)
	fn.Set(reflect.MakeFunc(t, func(args []reflect.Value) []reflect.Value {
		all := append([]reflect.Value{args[0], reflect.ValueOf(sel)}, args[1:]...)
		return send.Elem().Call(all)
	}))
	return nil
}
