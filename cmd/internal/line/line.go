// Package line reads command lines of kvrun that may have been written for other programs: it turns
// their spellings into those of a flag set, and says what of them has no effect or cannot be had.
package line

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/peers"
	"github.com/kvgen/kvgen/internal/suggest"
)

// Spellings are llama.cpp's names for flags that are called otherwise here.
var Spellings = map[string]string{
	"jf": "json-schema-file", "ctk": "cache-type-k", "ctv": "cache-type-v", "ngl": "gpu-layers", "n-gpu-layers": "gpu-layers", "dev": "device", "ts": "tensor-split",
	"fa": "flash-attn", "ub": "ubatch-size", "n-predict": "predict", "sys": "system-prompt", "s": "seed", "e": "escape",
	"prompt-file": "file", "np": "parallel", "sequences": "parallel", "npl": "n-parallel", "pps": "pp-shared", "oe": "output-err",
	"hf": "hf-repo", "hfr": "hf-repo", "hff": "hf-file", "hft": "hf-token", "mu": "model-url", "okv": "override-kv",
}

// FlashValues are what --flash-attn may be followed by.
var FlashValues = []string{"on", "off", "auto", "1", "0", "true", "false", "enabled", "disabled", "-1"}

// ListType is the type of flags that may be given again, each time with several values.
const ListType = "list"

// A Line is a command line in terms of a flag set.
type Line struct {
	fs       *pflag.FlagSet
	owners   func(flag string) []string
	Args     []string // for pflag
	Help     bool     // was asked for
	idle     []string // flags of other programs that are without effect here, as typed
	refused  []refused
	unknown  bool     // whether one of those refused is a flag of no program known
	repeated []string // names of flags that stand more than once, of which the last counts
	empty    []string // names of flags with an empty value
}

// refused are flags that cannot be honoured, all for one reason.
type refused struct {
	names []string
	why   string
}

func (l *Line) refuse(name, why string) {
	for i := range l.refused {
		if r := &l.refused[i]; r.why == why {
			if !slices.Contains(r.names, name) {
				r.names = append(r.names, name)
			}
			return
		}
	}
	l.refused = append(l.refused, refused{[]string{name}, why})
}

// Check names everything that is wrong with the names of the flags. What is refused is known, and
// cannot be honoured.
func (l *Line) Check() (isRefused bool, err error) {
	var says []string
	for _, r := range l.refused {
		says = append(says, strings.Join(r.names, ", ")+": "+r.why)
	}
	for _, name := range l.empty {
		says = append(says, fmt.Sprintf("--%s %q: the value is empty, as of a shell variable that is not set", name, ""))
	}
	if slices.Contains(l.repeated, "model") {
		says = append(says, "--model is given twice: "+l.fs.Name()+" takes one")
		l.unknown = true
	}
	if len(says) == 0 {
		return false, nil
	}
	text := says[0]
	if len(says) > 1 {
		text = "what this line asks for and is not here:\n  " + strings.Join(says, "\n  ")
	}
	if l.unknown || len(l.empty) > 0 {
		return false, errors.New(text)
	}
	return true, errors.New(text)
}

// Notes say what of the line has no effect.
func (l *Line) Notes() (notes []string) {
	if len(l.idle) > 0 {
		notes = append(notes, "without effect here: "+strings.Join(l.idle, ", "))
	}
	for _, name := range l.repeated {
		notes = append(notes, fmt.Sprintf("--%s is given more than once: the last counts", name))
	}
	return notes
}

// Read turns the spellings of other programs into those of fs: one dash before a long name (-ctk
// q8_0, -temp 0), other names for the same flag, _ for -, and a value after --flash-attn, which may
// also stand alone. Flags that other programs have are looked up in their table. Values of flags
// and everything after -- are left as they are. Owners names the commands that have a flag, for one
// that is of none of these programs; nil for nobody.
func Read(fs *pflag.FlagSet, args []string, owners func(flag string) []string) *Line {
	l := &Line{fs: fs, owners: owners}
	seen := map[string]int{}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			l.Args = append(l.Args, args[i:]...)
			break
		}
		name, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "-") || name == "" {
			l.Args = append(l.Args, a)
			continue
		}
		if a == "-h" || a == "--help" || a == "--usage" || a == "-help" {
			l.Help = true
			return l
		}
		typed := a[:len(a)-len(strings.TrimLeft(a, "-"))] + name
		next, more := "", i+1 < len(args)
		if more {
			next = args[i+1]
		}
		f := Lookup(fs, a, name)
		if f == nil {
			other, known := peers.Lookup(fs.Name(), typed)
			if known && other.Verdict == peers.Same {
				f = fs.Lookup(other.Text)
			}
			if f == nil {
				switch {
				case known:
					i += l.other(other, typed, value, joined, args[i+1:])
				case !strings.HasPrefix(a, "--") && grouped(fs, name):
					l.Args = append(l.Args, a)
					if f := fs.ShorthandLookup(name[:1]); f != nil && f.NoOptDefVal == "" {
						seen[f.Name]++
						l.again(f, seen[f.Name])
					}
				default:
					l.stranger(typed, typed)
				}
				continue
			}
		}
		seen[f.Name]++
		l.again(f, seen[f.Name])
		a = "--" + f.Name
		switch {
		case joined:
		case f.NoOptDefVal == "" && more,
			f.Name == "flash-attn" && more && (slices.Contains(FlashValues, next) || peers.IsSwitch(next)),
			f.Value.Type() == "bool" && (next == "True" || next == "False"): // Python's
			value, joined = next, true
			i++
		}
		if joined {
			a += "=" + value
			if value == "" && !mayBeEmpty[f.Name] {
				l.empty = append(l.empty, f.Name)
			}
		}
		l.Args = append(l.Args, a)
	}
	return l
}

// mayBeEmpty are the flags whose empty value is no slip of a script.
var mayBeEmpty = map[string]bool{"prompt": true, "system-prompt": true}

// again notes the n-th time that a flag stands in the line, where it can have one value only.
func (l *Line) again(f *pflag.Flag, n int) {
	if t := f.Value.Type(); n == 2 && t != "bool" && !strings.HasSuffix(t, "Slice") && !strings.HasSuffix(t, "Array") && t != ListType {
		l.repeated = append(l.repeated, f.Name)
	}
}

// other reads a flag of another program, with rest after it, and returns how many of them are its
// values.
func (l *Line) other(f peers.Flag, typed, value string, joined bool, rest []string) (taken int) {
	switch {
	case joined:
	case f.Values == peers.Optional && len(rest) > 0 && peers.IsSwitch(rest[0]):
		value, taken = rest[0], 1
	case f.Values > 0 && len(rest) > 0:
		value, taken = rest[0], min(f.Values, len(rest))
	}
	switch {
	case f.Verdict == peers.Idle || !f.Asks(value) && (joined || taken > 0):
		if !slices.Contains(l.idle, typed) {
			l.idle = append(l.idle, typed)
		}
	case f.Verdict == peers.Here:
		l.refuse(typed, "here it is "+f.Text)
	case f.Verdict == peers.Same: // of a flag that this command does not have
		l.stranger(typed, "--"+f.Text)
	default:
		l.refuse(typed, f.Text)
	}
	return taken
}

// stranger refuses a flag, by the name it has here, that the command does not have and the table of
// other programs does not explain.
func (l *Line) stranger(typed, name string) {
	l.unknown = true
	if l.owners != nil {
		if owners := l.owners(name); len(owners) > 0 {
			l.refuse(typed, "a flag of kvrun "+strings.Join(owners, ", ")+", not of "+l.fs.Name())
			return
		}
	}
	var names []string
	l.fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	says := "no such flag"
	if strings.HasPrefix(typed, "--") || len(typed) > 3 {
		says += suggest.Nearest(typed, names)
	}
	l.refuse(typed, says)
}

// grouped says whether name, which stood after one dash, is a shorthand with its value (-n32,
// -m./PATH) or several that take none. Letters alone are no value: -mtp is a flag that does not
// exist, and not the model tp.
func grouped(fs *pflag.FlagSet, name string) bool {
	f := fs.ShorthandLookup(name[:1])
	switch {
	case f == nil:
		return false
	case f.NoOptDefVal != "":
		return len(name) == 1 || grouped(fs, name[1:])
	case f.Value.Type() == "string" || strings.HasPrefix(f.Value.Type(), "stringArray"):
		return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != ""
	}
	return strings.Trim(name[1:], "0123456789-,") == ""
}

// Lookup finds the flag that a stands for; name is a without dashes and value.
func Lookup(fs *pflag.FlagSet, a, name string) *pflag.Flag {
	if len(name) == 1 && !strings.HasPrefix(a, "--") {
		if f := fs.ShorthandLookup(name); f != nil {
			return f
		}
	}
	name = strings.ReplaceAll(name, "_", "-")
	if f := fs.Lookup(name); f != nil {
		return f
	}
	if long, ok := Spellings[name]; ok {
		return fs.Lookup(long)
	}
	return nil
}
