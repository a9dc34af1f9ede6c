package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// object is one of Objective-C.
type object struct {
	id      objc.ID
	class   string
	isClass bool // the class itself
	forever bool // it is not counted: classes, devices, the process
	refs    int
	data    any // what it is: *buffer, *encoder, ...
}

func (o *object) String() string {
	if o == nil {
		return "nil"
	}
	return fmt.Sprintf("%s %#x", o.class, uintptr(o.id))
}

// parents are the classes and protocols that a class is as well.
var parents = map[string][]string{
	"MTLBuffer":                {"MTLResource", "MTLAllocation"},
	"MTLComputeCommandEncoder": {"MTLCommandEncoder"},
	"MTLBlitCommandEncoder":    {"MTLCommandEncoder"},
}

func (o *object) is(class string) bool {
	return class == "NSObject" || o.class == class || slices.Contains(parents[o.class], class)
}

// fault is a mistake of the program that uses the fake.
func fault(format string, args ...any) { panic("fake: " + fmt.Sprintf(format, args...)) }

// add makes an object that its caller owns once.
func (s *System) add(class string, data any) *object {
	s.next += 16
	o := &object{id: s.next, class: class, refs: 1, data: data}
	s.objects[o.id] = o
	return o
}

// later has an object released at the end of the pool, and is its name until then.
func (s *System) later(o *object) objc.ID {
	if o.forever {
		return o.id
	}
	if len(s.pools) == 0 {
		fault("%v is autoreleased without a pool", o)
	}
	last := len(s.pools) - 1
	s.pools[last] = append(s.pools[last], o)
	return o.id
}

// get is a living object, nil for the name 0.
func (s *System) get(id objc.ID, message string) *object {
	if id == 0 {
		return nil
	}
	o := s.objects[id]
	switch {
	case o == nil && s.dead[id] != "":
		fault("%s: the %s %#x was released", message, s.dead[id], uintptr(id))
	case o == nil:
		fault("%s: there is no object %#x", message, uintptr(id))
	}
	return o
}

func (s *System) retain(o *object) {
	if !o.forever {
		o.refs++
	}
}

func (s *System) release(o *object) {
	if o == nil || o.forever {
		return
	}
	if o.refs--; o.refs > 0 {
		return
	}
	if f := s.ends[o.class]; f != nil && !o.isClass {
		f(s, o)
	}
	delete(s.objects, o.id)
	s.dead[o.id] = o.class
}

// Live are the classes of objects that nobody has released, with how many there are.
func (s *System) Live() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, o := range s.objects {
		if !o.forever {
			counts[o.class]++
		}
	}
	var all []string
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[class], class))
	}
	return strings.Join(all, ", ")
}

// text is a string that is autoreleased.
func (s *System) text(t string) objc.ID { return s.later(s.add("NSString", t)) }

// nsError makes an NSError that is autoreleased.
func (s *System) nsError(e Error) objc.ID { return s.later(s.add("NSError", e)) }
