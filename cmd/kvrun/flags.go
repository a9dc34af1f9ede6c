package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/line"
)

// newFlags is a flag set that reports errors instead of printing them.
func newFlags(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	return fs
}

// parse reads args, of which at most one may be no flag: the model. Help is printed to the standard
// output, notes on what other programs know and kvrun does not go to the standard error.
func (e *environment) parse(fs *pflag.FlagSet, synopsis string, args []string) error {
	if e.inspect != nil {
		e.inspect(fs, synopsis)
		return pflag.ErrHelp
	}
	l := line.Read(fs, args, owners)
	if l.Help {
		return errors.Join(e.writeHelp(fs.Name(), fs, synopsis), pflag.ErrHelp)
	}
	if refused, err := l.Check(); refused {
		return refusal{err}
	} else if err != nil {
		return err
	}
	var value *pflag.InvalidValueError
	if err := fs.Parse(l.Args); errors.As(err, &value) {
		return invalid(value.GetFlag(), value.GetValue(), value.Unwrap())
	} else if err != nil {
		return err
	}
	for _, note := range l.Notes() {
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

// owners are the commands that have a flag.
func owners(typed string) (names []string) {
	for _, c := range commands() {
		if fs, _ := c.flags(); fs != nil && line.Lookup(fs, typed, strings.TrimLeft(typed, "-")) != nil {
			names = append(names, c.name)
		}
	}
	return names
}

// A list is the value of a flag that may be given again: 1,2 and then 3 are 1,2,3. What is given
// takes the place of the default.
type list struct {
	items []string
	given bool
}

func newList(items ...string) list { return list{items: items} }

func (l *list) Set(s string) error {
	if !l.given {
		l.items, l.given = nil, true
	}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			return fmt.Errorf("an empty value in the list")
		}
		l.items = append(l.items, item)
	}
	return nil
}

func (l *list) String() string { return strings.Join(l.items, ",") }
func (l *list) Type() string   { return line.ListType }

// maxList is the most numbers that a list may stand for.
const maxList = 4096

// numbers reads a list of numbers, of which any may be a range as llama-bench has it. 8-32+8 is
// 8,16,24,32, and 1-8*2 is 1,2,4,8. Without a step it is 1.
func numbers(flag, list string) ([]int, error) {
	var all []int
	for _, s := range strings.Split(list, ",") {
		some, ok := span(strings.TrimSpace(s))
		if !ok {
			return nil, fmt.Errorf("%s %.64q: want numbers from 0 to %d, or ranges such as 8-32+8 or 1-8*2", flag, list, 1<<24)
		}
		if all = append(all, some...); len(all) > maxList {
			return nil, fmt.Errorf("%s %.64q: more than %d numbers", flag, list, maxList)
		}
	}
	return all, nil
}

// span is a number, or those of a range.
func span(s string) (all []int, ok bool) {
	number := func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 0 && n <= 1<<24 && s[0] != '+'
	}
	first, rest, ranged := strings.Cut(s, "-")
	lo, ok := number(first)
	if !ok || !ranged {
		return []int{lo}, ok
	}
	step, times := 1, false
	if i := strings.IndexAny(rest, "+*"); i >= 0 {
		times = rest[i] == '*'
		if step, ok = number(rest[i+1:]); !ok {
			return nil, false
		}
		rest = rest[:i]
	}
	hi, ok := number(rest)
	if !ok || hi < lo || step < 1 || times && (step < 2 || lo < 1) {
		return nil, false
	}
	for n := lo; n <= hi && len(all) <= maxList; {
		if all = append(all, n); times {
			n *= step
		} else {
			n += step
		}
	}
	return all, true
}

// variables are the LLAMA_ARG_* variables that llama.cpp's tools read in place of flags, with the
// flags they are here.
var variables = []struct{ name, flag string }{
	{"MODEL", "model"}, {"HF_REPO", "hf-repo"}, {"HF_FILE", "hf-file"}, {"MODEL_URL", "model-url"}, {"OFFLINE", "offline"}, {"CTX_SIZE", "ctx-size"}, {"N_PREDICT", "predict"}, {"THREADS", "threads"}, {"BATCH", "batch-size"}, {"UBATCH", "ubatch-size"},
	{"CACHE_TYPE_K", "cache-type-k"}, {"CACHE_TYPE_V", "cache-type-v"}, {"FLASH_ATTN", "flash-attn"}, {"N_GPU_LAYERS", "gpu-layers"}, {"DEVICE", "device"}, {"TENSOR_SPLIT", "tensor-split"},
	{"TEMPERATURE", "temp"}, {"TOP_K", "top-k"}, {"TOP_P", "top-p"}, {"MIN_P", "min-p"}, {"REPEAT_PENALTY", "repeat-penalty"},
	{"NO_CONTEXT_SHIFT", "no-context-shift"},
	{"HOST", "host"}, {"PORT", "port"}, {"ALIAS", "alias"}, {"TIMEOUT", "timeout"}, {"KV_UNIFIED", "kv-unified"}, {"SSL_CERT_FILE", "tls-cert"}, {"SSL_KEY_FILE", "tls-key"},
}

// readsVariables are the commands that read them, as their counterparts in llama.cpp do.
// llama-bench does not. What a measurement compares is said in its own line.
var readsVariables = []string{"run", "chat", "info", "ppl", "kld", "probe", "serve"}

// fromVariables sets flags that the line leaves open from the environment, and says so.
func (e *environment) fromVariables(fs *pflag.FlagSet) error {
	var read, unread []string
	left := e.llamaVariables()
	if slices.Contains(readsVariables, fs.Name()) {
		for _, v := range variables {
			name := "LLAMA_ARG_" + v.name
			f := fs.Lookup(v.flag)
			i := slices.Index(left, name)
			if i < 0 || f == nil {
				continue
			}
			left = slices.Delete(left, i, i+1)
			if f.Changed || e.spokenFor(fs, v.flag) {
				continue // the line decides
			}
			value, _ := e.lookup(name)
			if value == "" {
				return fmt.Errorf("%s is empty", name)
			}
			if err := fs.Set(v.flag, value); err != nil {
				return fmt.Errorf("%s: %w", name, invalid(f, value, err))
			}
			read = append(read, fmt.Sprintf("%s=%s", name, value))
		}
	}
	unread = append(unread, left...)
	if len(read) > 0 {
		fmt.Fprintln(e.stderr, "note: from the environment:", strings.Join(read, ", "))
	}
	if len(unread) > 0 {
		fmt.Fprintln(e.stderr, "note: without effect here:", strings.Join(unread, ", "))
	}
	return nil
}

// spokenFor says whether the line leaves a flag open, but has said the same by another.
func (e *environment) spokenFor(fs *pflag.FlagSet, flag string) bool {
	given := func(name string) bool { f := fs.Lookup(name); return f != nil && f.Changed }
	switch flag {
	case "model":
		return fs.NArg() > 0 || given("hf-repo") || given("model-url")
	case "hf-repo", "hf-file", "model-url":
		return fs.NArg() > 0 || given("model") || given("hf-repo") || given("model-url")
	case "cache-type-k", "cache-type-v":
		return given("cache") || given("policy")
	case "gpu-layers":
		return given("device")
	case "device":
		return given("gpu-layers")
	}
	return false
}

// llamaVariables are the names of the variables of other programs that are set, in their order.
func (e *environment) llamaVariables() (names []string) {
	for _, v := range e.environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "LLAMA_ARG_") || name == "OLLAMA_KV_CACHE_TYPE" || name == "OLLAMA_CONTEXT_LENGTH" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
