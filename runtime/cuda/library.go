package cuda

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Library gives the functions of a shared library: Bind makes fn, a pointer to a func, call the
// symbol.
type Library interface {
	Bind(fn any, symbol string) error
	Name() string // for messages
}

// ErrNoDriver says that this machine has no NVIDIA driver, or none that can be used.
var ErrNoDriver = errors.New("no usable NVIDIA driver")

// bindAll fills the fields of *to from the library. The error names the library and every symbol
// that it lacks.
func bindAll(lib Library, to any) error {
	v := reflect.ValueOf(to).Elem()
	var missing []string
	for i := range v.NumField() {
		symbol := v.Type().Field(i).Tag.Get("symbol")
		if err := lib.Bind(v.Field(i).Addr().Interface(), symbol); err != nil {
			missing = append(missing, symbol)
		}
	}
	if missing != nil {
		return fmt.Errorf("%s lacks %s: it is too old", lib.Name(), strings.Join(missing, ", "))
	}
	return nil
}

// openFirst opens the first library of the list that can be opened; the error is that of the first.
func openFirst(open func(name string) (Library, error), names []string) (Library, error) {
	var first error
	for _, n := range names {
		lib, err := open(n)
		if err == nil {
			return lib, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// unloadable says that a library cannot be loaded, and names it once: some systems begin their
// reason with its name.
func unloadable(file string, err error) error {
	return fmt.Errorf("%s cannot be loaded: %s", file, strings.TrimPrefix(err.Error(), file+": "))
}

// text is a C string that a library owns.
func text(p *byte) string {
	if p == nil {
		return ""
	}
	return goString(p)
}
