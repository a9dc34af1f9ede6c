package fake

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// Error is what an NSError says.
type Error struct {
	Domain string
	Code   int
	Text   string
}

// GPU is a device of a System.
type GPU struct {
	Name                string
	Families            []int64 // 1007 for Apple7
	WorkingSet, Longest uint64  // bytes
	Cores               uint64  // 0 where the registry does not say
}

// M1 is a GPU of the oldest family that kernels run on.
var M1 = GPU{Name: "Fake M1", Families: []int64{1001, 1006, 1007, 2002, 5001}, WorkingSet: 64 << 20, Longest: 32 << 20, Cores: 8}

// System is a macOS: an objc.Runtime.
type System struct {
	Major   int64 // of its version
	GPUs    []GPU
	Machine Machine

	// Fail says which calls give nothing and why, by Class.selector: the call of that number,
	// counted from 0. MTLCommandBuffer.error is the command buffer of that number, which fails.
	Fail map[string]map[int]Error

	// Warn has libraries come with an error that is a warning.
	Warn bool

	// Eager has command buffers run when they are committed.
	Eager bool

	// Sent counts messages, by Class.selector as they are declared.
	Sent map[string]int

	mu        sync.Mutex
	next      objc.ID
	objects   map[objc.ID]*object
	dead      map[objc.ID]string // classes of released objects
	pools     [][]*object
	calls     map[string]int
	classes   map[string]objc.ID
	selectors map[string]objc.SEL
	byName    map[string][]*declaration
	methods   map[string]func(*System, *object, []any) any
	ends      map[string]func(*System, *object)
	strings   map[objc.ID]*byte
	queue     queue
	told      objc.ID // NSProcessInfo
	allocated uint64
}

var _ objc.Runtime = (*System)(nil)

// New is a system with an M1, of a version of macOS.
func New(major int64, m Machine) *System {
	s := &System{
		Major: major, GPUs: []GPU{M1}, Machine: m, Fail: map[string]map[int]Error{}, Sent: map[string]int{},
		next: 0x1000, objects: map[objc.ID]*object{}, dead: map[objc.ID]string{}, calls: map[string]int{},
		classes: map[string]objc.ID{}, selectors: map[string]objc.SEL{}, byName: map[string][]*declaration{}, methods: methods(), ends: endings(), strings: map[objc.ID]*byte{},
	}
	for _, d := range declared() {
		s.byName[d.selector] = append(s.byName[d.selector], d)
	}
	return s
}

// Class finds a class that some declaration is of.
func (s *System) Class(name string) objc.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.classes[name]; id != 0 {
		return id
	}
	known := name == "MTLResidencySetDescriptor" && s.Major >= 15
	for _, all := range s.byName {
		for _, d := range all {
			known = known || d.class == name && int64(d.major) <= s.Major
		}
	}
	if !known {
		fault("there is no class %s in macOS %d", name, s.Major)
	}
	o := s.add(name, nil)
	o.isClass, o.forever = true, true
	s.classes[name] = o.id
	return o.id
}

// Selector is the name of a message.
func (s *System) Selector(name string) objc.SEL {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.selectors[name] == 0 {
		s.selectors[name] = objc.SEL(len(s.selectors) + 1)
	}
	return s.selectors[name]
}

// Call binds a function of C.
func (s *System) Call(fn any, symbol string) error {
	for _, d := range s.byName[symbol] {
		if d.class == "C" {
			return s.bind(fn, d)
		}
	}
	return fmt.Errorf("no function %s is declared", symbol)
}

// Send binds a message. All classes that have it must agree in its form.
func (s *System) Send(fn any, selector string) error {
	all := s.byName[selector]
	if len(all) == 0 || all[0].class == "C" {
		return fmt.Errorf("no message %s is declared", selector)
	}
	for _, d := range all {
		if err := d.agrees(reflect.TypeOf(fn).Elem()); err != nil {
			return err
		}
	}
	return s.bind(fn, all[0])
}

func (s *System) bind(fn any, d *declaration) error {
	v := reflect.ValueOf(fn).Elem()
	if err := d.agrees(v.Type()); err != nil {
		return err
	}
	v.Set(reflect.MakeFunc(v.Type(), func(in []reflect.Value) []reflect.Value {
		args := make([]any, len(in))
		for i := range in {
			args[i] = in[i].Interface()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		var result any
		if d.class == "C" {
			result = functions[d.selector](s, args)
		} else {
			result = s.message(d.selector, args[0].(objc.ID), args[1:])
		}
		if v.Type().NumOut() == 0 {
			return nil
		}
		out := reflect.New(v.Type().Out(0)).Elem()
		if result != nil {
			out.Set(reflect.ValueOf(result).Convert(out.Type()))
		}
		return []reflect.Value{out}
	}))
	return nil
}

// message sends one.
func (s *System) message(selector string, to objc.ID, args []any) any {
	o := s.get(to, selector)
	if o == nil {
		return nil // nil takes any message
	}
	var d *declaration
	for _, x := range s.byName[selector] {
		if o.is(x.class) && x.ofClass == o.isClass && int64(x.major) <= s.Major {
			d = x
		}
	}
	if d == nil {
		fault("unrecognized selector %s sent to %v in macOS %d", selector, o, s.Major)
	}
	for i, c := range d.args {
		id, ok := args[i].(objc.ID)
		if class := objectClass(c); ok && class != "" && id != 0 {
			if a := s.get(id, selector); !a.is(class) {
				fault("%s: argument %d is %s: %v", selector, i, class, a)
			}
		}
	}
	name := d.class + "." + selector
	s.Sent[name]++
	if e, ok := s.failing(name); ok {
		for _, a := range args {
			if p, ok := a.(*objc.ID); ok {
				*p = s.nsError(e)
			}
		}
		return nil
	}
	f := s.methods[name]
	if f == nil {
		fault("%s is declared and does nothing", name)
	}
	return f(s, o, args)
}

// failing says whether a call is one that fails, and counts it.
func (s *System) failing(name string) (Error, bool) {
	n := s.calls[name]
	s.calls[name]++
	e, ok := s.Fail[name][n]
	return e, ok
}

// cString is a string of C that lives as long as its object.
func (s *System) cString(o *object) *byte {
	if s.strings[o.id] == nil {
		s.strings[o.id] = unsafe.SliceData(append([]byte(o.data.(string)), 0))
	}
	return s.strings[o.id]
}
