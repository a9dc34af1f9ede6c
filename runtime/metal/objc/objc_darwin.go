package objc

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ebitengine/purego"
	"github.com/ebitengine/purego/objc"
)

// libraries are where classes and functions are. Without CoreGraphics a program of the command line
// finds no GPU.
var libraries = []string{
	"/usr/lib/libobjc.A.dylib",
	"/System/Library/Frameworks/Foundation.framework/Foundation",
	"/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics",
	"/System/Library/Frameworks/IOKit.framework/IOKit",
	"/System/Library/Frameworks/Metal.framework/Metal",
}

type system struct {
	handles []uintptr
	send    uintptr // objc_msgSend
}

// Open loads what Metal needs of the system.
func Open() (Runtime, error) {
	s := &system{}
	for _, file := range libraries {
		h, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be loaded: %w", file, err)
		}
		s.handles = append(s.handles, h)
	}
	var err error
	s.send, err = s.symbol("objc_msgSend")
	return s, err
}

// symbol is the address of a function.
func (s *system) symbol(name string) (uintptr, error) {
	for _, h := range s.handles {
		if p, err := purego.Dlsym(h, name); err == nil && p != 0 {
			return p, nil
		}
	}
	return 0, errors.New("this system has no " + name)
}

func (s *system) Class(name string) ID { return ID(objc.GetClass(name)) }

func (s *system) Selector(name string) SEL { return SEL(objc.RegisterName(name)) }

func (s *system) Call(fn any, symbol string) error {
	p, err := s.symbol(symbol)
	if err == nil {
		purego.RegisterFunc(fn, p)
	}
	return err
}

// Send knows the forms of messages that launches send, which must be quick; others go through
// reflection. A result is a word on every machine: messages that return structs are not used.
func (s *system) Send(fn any, selector string) error {
	sel := uintptr(s.Selector(selector))
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
func (s *system) sendAny(fn reflect.Value, sel SEL) error {
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
