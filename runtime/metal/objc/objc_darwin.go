package objc

import (
	"errors"
	"fmt"

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
	messages
	handles []uintptr
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
	s.selector = s.Selector
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
