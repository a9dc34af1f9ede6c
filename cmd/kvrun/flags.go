package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// spellings are llama.cpp's names for flags that are called otherwise here.
var spellings = map[string]string{
	"ctk": "cache-type-k", "ctv": "cache-type-v", "ngl": "gpu-layers", "n-gpu-layers": "gpu-layers",
	"fa": "flash-attn", "ub": "ubatch-size", "n-predict": "predict", "sys": "system-prompt", "s": "seed",
	"prompt-file": "file", "np": "parallel", "sequences": "parallel", "npl": "n-parallel", "pps": "pp-shared",
}

// newFlags is a flag set that reports errors instead of printing them.
func newFlags(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	return fs
}

// parse reads args, of which at most one may be no flag: the model. Help is printed to the standard output.
func (e *environment) parse(fs *pflag.FlagSet, synopsis string, args []string) error {
	err := fs.Parse(respell(fs, args))
	var unknown *pflag.NotExistError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprintf(e.stdout, "Usage: kvrun %s %s\n\n%s", fs.Name(), synopsis, fs.FlagUsagesWrapped(110))
		return err
	case errors.As(err, &unknown):
		var names []string
		fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return fmt.Errorf("no flag %s%s", dashed(unknown.GetSpecifiedName()), nearest(dashed(unknown.GetSpecifiedName()), names))
	}
	return err
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// respell turns llama.cpp's spellings into those of fs: one dash before a long name (-ctk q8_0, -temp 0), other names for
// the same flag, and a value after --flash-attn, which may also stand alone. Values of flags and everything after -- are
// left as they are.
func respell(fs *pflag.FlagSet, args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		name, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "-") || name == "" {
			out = append(out, a)
			continue
		}
		f := lookup(fs, a, name)
		if f == nil {
			if !strings.HasPrefix(a, "--") && !grouped(fs, name) {
				a = "-" + a // an unknown name: -cnv is not -c with the value nv
			}
			out = append(out, a)
			continue
		}
		a = "--" + f.Name
		next := i + 1
		switch {
		case joined:
			a += "=" + value
		case f.NoOptDefVal == "" && next < len(args):
			a += "=" + args[next]
			i++
		case f.Name == "flash-attn" && next < len(args) && slices.Contains(flashValues, args[next]):
			a += "=" + args[next]
			i++
		}
		out = append(out, a)
	}
	return out
}

// grouped says whether name, which stood after one dash, is a shorthand with its value (-n32, -mPATH) or several that
// take none.
func grouped(fs *pflag.FlagSet, name string) bool {
	f := fs.ShorthandLookup(name[:1])
	switch {
	case f == nil:
		return len(name) == 1 // -h, or unknown and said so
	case f.NoOptDefVal != "":
		return len(name) == 1 || grouped(fs, name[1:])
	case f.Value.Type() == "string":
		return true
	}
	return strings.Trim(name[1:], "0123456789-") == ""
}

// lookup finds the flag that a stands for; name is a without dashes and value.
func lookup(fs *pflag.FlagSet, a, name string) *pflag.Flag {
	if len(name) == 1 && !strings.HasPrefix(a, "--") {
		if f := fs.ShorthandLookup(name); f != nil {
			return f
		}
	}
	if f := fs.Lookup(name); f != nil {
		return f
	}
	if long, ok := spellings[name]; ok {
		return fs.Lookup(long)
	}
	return nil
}
