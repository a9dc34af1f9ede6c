package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/gguf"
)

// overrideFlags give metadata of a model other values than its file does.
type overrideFlags struct{ list []string }

func (f *overrideFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.list, "override-kv", nil, "`key=type:value` of the metadata, instead of what the file has, such as tokenizer.ggml.add_bos_token=bool:false; types: int, float, bool, str; may be given again, or several between commas")
}

// nextOverride is where another override begins in a list.
var nextOverride = regexp.MustCompile(`,[^=,]+=(int|float|bool|str):`)

// apply gives the file its other values. A key that the file does not have is noted, since it may
// be misspelt.
func (f *overrideFlags) apply(file *gguf.File, notes io.Writer) error {
	for _, list := range f.list {
		for list != "" {
			one := list
			if at := nextOverride.FindStringIndex(list); at != nil {
				one = list[:at[0]]
			}
			list = strings.TrimPrefix(list[len(one):], ",")
			key, v, err := parseOverride(one)
			if err != nil {
				return fmt.Errorf("--override-kv %.80q: %w", one, err)
			}
			if _, _, found := file.Kind(key); !found {
				fmt.Fprintf(notes, "note: --override-kv: the file has no key %.80s; it is added\n", key)
			}
			if err := file.Override(key, v); err != nil {
				return fmt.Errorf("--override-kv: %w", err)
			}
		}
	}
	return nil
}

// parseOverride reads KEY=TYPE:VALUE.
func parseOverride(s string) (key string, v any, err error) {
	key, rest, ok := strings.Cut(s, "=")
	kind, value, typed := strings.Cut(rest, ":")
	if !ok || !typed || key == "" {
		return "", nil, fmt.Errorf("want key=type:value")
	}
	switch kind {
	case "int":
		if v, err = strconv.ParseInt(value, 10, 64); err != nil {
			err = fmt.Errorf("an int is a whole number of 64 bits")
		}
	case "float":
		if v, err = strconv.ParseFloat(value, 64); err != nil {
			err = fmt.Errorf("a float is a number")
		}
	case "bool":
		if value != "true" && value != "false" {
			err = fmt.Errorf("a bool is true or false")
		}
		v = value == "true"
	case "str":
		v = value
	default:
		err = fmt.Errorf("%.20q is no type: int, float, bool or str", kind)
	}
	return key, v, err
}
