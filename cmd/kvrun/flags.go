package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/peers"
	"github.com/kvgen/kvgen/internal/suggest"
)

// spellings are llama.cpp's names for flags that are called otherwise here.
var spellings = map[string]string{
	"ctk": "cache-type-k", "ctv": "cache-type-v", "ngl": "gpu-layers", "n-gpu-layers": "gpu-layers", "dev": "device", "ts": "tensor-split",
	"fa": "flash-attn", "ub": "ubatch-size", "n-predict": "predict", "sys": "system-prompt", "s": "seed", "e": "escape",
	"prompt-file": "file", "np": "parallel", "sequences": "parallel", "npl": "n-parallel", "pps": "pp-shared", "oe": "output-err",
	"hf": "hf-repo", "hfr": "hf-repo", "hff": "hf-file", "hft": "hf-token", "mu": "model-url",
}

// newFlags is a flag set that reports errors instead of printing them.
func newFlags(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	return fs
}

// parse reads args, of which at most one may be no flag: the model. Help is printed to the standard output, notes on what
// other programs know and kvrun does not go to the standard error.
func (e *environment) parse(fs *pflag.FlagSet, synopsis string, args []string) error {
	if e.inspect != nil {
		e.inspect(fs, synopsis)
		return pflag.ErrHelp
	}
	l := readLine(fs, args)
	if l.help {
		return errors.Join(e.writeHelp(fs.Name(), fs, synopsis), pflag.ErrHelp)
	}
	if err := l.check(); err != nil {
		return err
	}
	var value *pflag.InvalidValueError
	if err := fs.Parse(l.args); errors.As(err, &value) {
		return invalid(value.GetFlag(), value.GetValue(), value.Unwrap())
	} else if err != nil {
		return err
	}
	for _, note := range l.notes() {
		fmt.Fprintln(e.stderr, "note:", note)
	}
	if err := e.fromVariables(fs); err != nil {
		return err
	}
	for _, name := range []string{"cache-type-k", "cache-type-v"} {
		if f := fs.Lookup(name); f != nil && (f.Value.String() == "help" || f.Value.String() == "list") {
			return errors.Join(printTypes(e.stdout, typeRows(e.kernels(), nil), nil, false), pflag.ErrHelp)
		}
	}
	return nil
}

// invalid says what a flag takes where it was given something else.
func invalid(f *pflag.Flag, value string, why error) error {
	switch f.Value.Type() {
	case "int", "int64", "uint64":
		return fmt.Errorf("--%s %q: want a whole number", f.Name, value)
	case "float64":
		return fmt.Errorf("--%s %q: want a number", f.Name, value)
	case "bool":
		return fmt.Errorf("--%s=%s: want true or false", f.Name, value)
	}
	return fmt.Errorf("--%s %q: %v", f.Name, value, why)
}

// A line is a command line in terms of a flag set.
type line struct {
	fs       *pflag.FlagSet
	args     []string // for pflag
	help     bool
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

func (l *line) refuse(name, why string) {
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

// check names everything that is wrong with the names of the flags.
func (l *line) check() error {
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
		return nil
	}
	text := says[0]
	if len(says) > 1 {
		text = "what this line asks for and is not here:\n  " + strings.Join(says, "\n  ")
	}
	if l.unknown || len(l.empty) > 0 {
		return errors.New(text)
	}
	return refuse("%s", text)
}

// notes say what of the line has no effect.
func (l *line) notes() (notes []string) {
	if len(l.idle) > 0 {
		notes = append(notes, "without effect here: "+strings.Join(l.idle, ", "))
	}
	for _, name := range l.repeated {
		notes = append(notes, fmt.Sprintf("--%s is given more than once: the last counts", name))
	}
	return notes
}

// readLine turns the spellings of other programs into those of fs: one dash before a long name (-ctk q8_0, -temp 0), other
// names for the same flag, _ for -, and a value after --flash-attn, which may also stand alone. Flags that other programs have
// are looked up in their table. Values of flags and everything after -- are left as they are.
func readLine(fs *pflag.FlagSet, args []string) *line {
	l := &line{fs: fs}
	seen := map[string]int{}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			l.args = append(l.args, args[i:]...)
			break
		}
		name, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "-") || name == "" {
			l.args = append(l.args, a)
			continue
		}
		if a == "-h" || a == "--help" || a == "--usage" || a == "-help" {
			l.help = true
			return l
		}
		typed := a[:len(a)-len(strings.TrimLeft(a, "-"))] + name
		next, more := "", i+1 < len(args)
		if more {
			next = args[i+1]
		}
		f := lookup(fs, a, name)
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
					l.args = append(l.args, a)
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
			f.Name == "flash-attn" && more && (slices.Contains(flashValues, next) || peers.IsSwitch(next)),
			f.Value.Type() == "bool" && (next == "True" || next == "False"): // as Python spells them
			value, joined = next, true
			i++
		}
		if joined {
			a += "=" + value
			if value == "" && !mayBeEmpty[f.Name] {
				l.empty = append(l.empty, f.Name)
			}
		}
		l.args = append(l.args, a)
	}
	return l
}

// mayBeEmpty are the flags whose empty value is no slip of a script.
var mayBeEmpty = map[string]bool{"prompt": true, "system-prompt": true}

// again notes the n-th time that a flag stands in the line, where it can have one value only.
func (l *line) again(f *pflag.Flag, n int) {
	if t := f.Value.Type(); n == 2 && t != "bool" && !strings.HasSuffix(t, "Slice") && !strings.HasSuffix(t, "Array") && t != listType {
		l.repeated = append(l.repeated, f.Name)
	}
}

// other reads a flag of another program, with rest after it, and returns how many of them are its values.
func (l *line) other(f peers.Flag, typed, value string, joined bool, rest []string) (taken int) {
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

// stranger refuses a flag, by the name it has here, that the command does not have and the table of other programs does not
// explain.
func (l *line) stranger(typed, name string) {
	l.unknown = true
	if owners := owners(name); len(owners) > 0 {
		l.refuse(typed, "a flag of kvrun "+strings.Join(owners, ", ")+", not of "+l.fs.Name())
		return
	}
	var names []string
	l.fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	says := "no such flag"
	if strings.HasPrefix(typed, "--") || len(typed) > 3 {
		says += suggest.Nearest(typed, names)
	}
	l.refuse(typed, says)
}

// owners are the commands that have a flag.
func owners(typed string) (names []string) {
	for _, c := range commands() {
		if fs, _ := c.flags(); fs != nil && lookup(fs, typed, strings.TrimLeft(typed, "-")) != nil {
			names = append(names, c.name)
		}
	}
	return names
}

// grouped says whether name, which stood after one dash, is a shorthand with its value (-n32, -m./PATH) or several that
// take none. Letters alone are no value: -mtp is a flag that does not exist, and not the model tp.
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

// lookup finds the flag that a stands for; name is a without dashes and value.
func lookup(fs *pflag.FlagSet, a, name string) *pflag.Flag {
	if len(name) == 1 && !strings.HasPrefix(a, "--") {
		if f := fs.ShorthandLookup(name); f != nil {
			return f
		}
	}
	name = strings.ReplaceAll(name, "_", "-")
	if f := fs.Lookup(name); f != nil {
		return f
	}
	if long, ok := spellings[name]; ok {
		return fs.Lookup(long)
	}
	return nil
}
