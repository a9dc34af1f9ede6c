//go:build emulate

package emulate

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Library is a library in Go: functions by the names of their symbols. It is a cuda.Library.
type Library struct {
	name    string
	symbols map[string]any
}

// Name is what messages call the library.
func (l *Library) Name() string { return l.name }

// Bind makes fn, a pointer to a func, call the symbol. Arguments may have other types of the same
// size.
func (l *Library) Bind(fn any, symbol string) error {
	f, ok := l.symbols[symbol]
	if !ok {
		return fmt.Errorf("undefined symbol: %s", symbol)
	}
	to, from := reflect.ValueOf(fn).Elem(), reflect.ValueOf(f)
	if to.Type() == from.Type() {
		to.Set(from)
		return nil
	}
	if err := agree(to.Type(), from.Type()); err != nil {
		return fmt.Errorf("%s is bound as %v and has %v: %w", symbol, to.Type(), from.Type(), err)
	}
	to.Set(reflect.MakeFunc(to.Type(), func(in []reflect.Value) []reflect.Value {
		for i := range in {
			in[i] = as(in[i], from.Type().In(i))
		}
		out := from.Call(in)
		for i := range out {
			out[i] = as(out[i], to.Type().Out(i))
		}
		return out
	}))
	return nil
}

func agree(a, b reflect.Type) error {
	if a.NumIn() != b.NumIn() || a.NumOut() != b.NumOut() {
		return fmt.Errorf("the numbers of arguments differ")
	}
	for i := range a.NumIn() {
		x, y := a.In(i), b.In(i)
		if x.Size() != y.Size() || x.Kind() == reflect.Pointer && y.Kind() == reflect.Pointer && x.Elem().Size() != y.Elem().Size() {
			return fmt.Errorf("argument %d differs", i)
		}
	}
	return nil
}

// as reads the bytes of v as another type.
func as(v reflect.Value, t reflect.Type) reflect.Value {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return reflect.NewAt(t, unsafe.Pointer(p.Pointer())).Elem()
}

func goString(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// cString is a string of C that the garbage collector keeps.
func cString(s string) *byte { return unsafe.SliceData(append([]byte(s), 0)) }
