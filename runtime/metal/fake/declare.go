package fake

import (
	_ "embed"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

//go:embed declarations.txt
var declarations string

// declaration is a message that objects of a class have, or a function of C.
type declaration struct {
	class    string // C for a function
	ofClass  bool   // it is sent to the class itself
	selector string // or the symbol
	args     []string
	result   string
	major    int // macOS that has it first
}

// owned says whether the caller has to release the result, by the rule of names.
func (d *declaration) owned() bool {
	return slices.ContainsFunc([]string{"alloc", "new", "init"}, func(p string) bool { return strings.HasPrefix(d.selector, p) })
}

var (
	messageForm  = regexp.MustCompile(`^(\d+)\.\d+\s+(\w+) ([-+]) \(([^)]*)\)(.*)$`)
	functionForm = regexp.MustCompile(`^(\d+)\.\d+\s+C (\w[\w ]*?[ *]+)(\w+)\((.*)\)$`)
	partForm     = regexp.MustCompile(`(\w+):\(([^)]*)\)\w+`)
)

// declared reads declarations.txt.
func declared() (all []*declaration) {
	for line := range strings.Lines(declarations) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		d := &declaration{}
		if m := functionForm.FindStringSubmatch(line); m != nil {
			d.class, d.result, d.selector = "C", strings.TrimSpace(m[2]), m[3]
			d.major, _ = strconv.Atoi(m[1])
			for _, arg := range strings.Split(m[4], ",") {
				if arg = strings.TrimSpace(arg); arg != "void" {
					cut := strings.LastIndexAny(arg, " *") + 1
					d.args = append(d.args, strings.TrimSpace(arg[:cut]))
				}
			}
		} else if m := messageForm.FindStringSubmatch(line); m != nil {
			d.class, d.ofClass, d.result, d.selector = m[2], m[3] == "+", m[4], m[5]
			d.major, _ = strconv.Atoi(m[1])
			if parts := partForm.FindAllStringSubmatch(m[5], -1); parts != nil {
				d.selector = ""
				for _, p := range parts {
					d.selector += p[1] + ":"
					d.args = append(d.args, p[2])
				}
			}
		} else {
			panic("fake: cannot read the declaration " + line)
		}
		all = append(all, d)
	}
	return all
}

// goTypes are the types of C as the headers of macOS define them, in 64 bits.
var goTypes = typesOf(map[reflect.Type]string{
	reflect.TypeFor[bool]():           "BOOL",
	reflect.TypeFor[uint8]():          "uint8_t",
	reflect.TypeFor[uint64]():         "NSUInteger,uint64_t,unsigned long long,MTLResourceOptions,MTLDispatchType,MTLBarrierScope,MTLResourceUsage,MTLPipelineOption,MTLLanguageVersion,NSStringEncoding,NSActivityOptions,MTLCommandBufferStatus",
	reflect.TypeFor[int64]():          "NSInteger,MTLGPUFamily,MTLMathMode",
	reflect.TypeFor[uint32]():         "io_service_t,mach_port_t,io_registry_entry_t,io_object_t,IOOptionBits",
	reflect.TypeFor[int32]():          "kern_return_t",
	reflect.TypeFor[objc.ID]():        "id,instancetype,CFMutableDictionaryRef,CFDictionaryRef,CFTypeRef,CFStringRef,CFAllocatorRef",
	reflect.TypeFor[objc.SEL]():       "SEL",
	reflect.TypeFor[objc.Size]():      "MTLSize",
	reflect.TypeFor[objc.Range]():     "NSRange",
	reflect.TypeFor[objc.Version]():   "NSOperatingSystemVersion",
	reflect.TypeFor[*byte]():          "const char *",
	reflect.TypeFor[*objc.ID]():       "NSError **",
	reflect.TypeFor[unsafe.Pointer](): "void *,const void *,const id<MTLResource> *,MTLAutoreleasedComputePipelineReflection *",
})

func typesOf(names map[reflect.Type]string) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for t, list := range names {
		for _, name := range strings.Split(list, ",") {
			all[name] = t
		}
	}
	return all
}

// goType is what a type of C is in Go.
func goType(c string) reflect.Type {
	if t := goTypes[c]; t != nil {
		return t
	}
	if strings.HasPrefix(c, "id<") || strings.HasPrefix(c, "NS") || strings.HasPrefix(c, "MTL") && strings.HasSuffix(c, "*") {
		return reflect.TypeFor[objc.ID]()
	}
	panic("fake: the type " + c + " is not known")
}

// objectClass is the class that an argument must have; "" for any.
func objectClass(c string) string {
	switch name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(c, "id<"), " *"), ">"); {
	case goType(c) != reflect.TypeFor[objc.ID]() || name == "id" || name == "NSObject" || strings.HasPrefix(name, "CF"):
		return ""
	default:
		return name
	}
}

// agrees compares a func of Go with the declaration.
func (d *declaration) agrees(t reflect.Type) error {
	var in []reflect.Type
	if d.class != "C" {
		in = append(in, reflect.TypeFor[objc.ID]())
	}
	for _, c := range d.args {
		in = append(in, goType(c))
	}
	if t.NumIn() != len(in) {
		return fmt.Errorf("%s takes %d arguments with its object: %v has %d", d.selector, len(in), t, t.NumIn())
	}
	for i, want := range in {
		if !same(t.In(i), want) {
			return fmt.Errorf("%s: argument %d is %v: %v", d.selector, i, want, t)
		}
	}
	if d.result == "void" {
		if t.NumOut() != 0 {
			return fmt.Errorf("%s returns nothing: %v", d.selector, t)
		}
		return nil
	}
	if t.NumOut() != 1 || !same(t.Out(0), goType(d.result)) {
		return fmt.Errorf("%s returns %v: %v", d.selector, goType(d.result), t)
	}
	return nil
}

// same says whether two types are passed alike: a pointer that nobody follows may be a word.
func same(have, want reflect.Type) bool {
	return have == want || have.Kind() == reflect.Uintptr && want == reflect.TypeFor[unsafe.Pointer]() && have != reflect.TypeFor[objc.ID]() && have != reflect.TypeFor[objc.SEL]()
}
