package chat

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// ownSplits are Python's methods that cut strings. The engine's own refuse a call without arguments and leave out the
// limit of a split.
func (m *meter) ownSplits() map[string]exec.Method[string] {
	return map[string]exec.Method[string]{
		"strip":  strip(true, true),
		"lstrip": strip(true, false),
		"rstrip": strip(false, true),
		"split":  m.split(false),
		"rsplit": m.split(true),
	}
}

// strip removes characters of a set, white space by default, from the ends of a string.
func strip(left, right bool) exec.Method[string] {
	return func(s string, _ *exec.Value, p *exec.VarArgs) (any, error) {
		in := unicode.IsSpace
		if len(p.Args) > 0 && !p.Args[0].IsNil() {
			set := p.Args[0].String()
			in = func(r rune) bool { return strings.ContainsRune(set, r) }
		}
		if left {
			s = strings.TrimLeftFunc(s, in)
		}
		if right {
			s = strings.TrimRightFunc(s, in)
		}
		return s, nil
	}
}

// split cuts a string at a separator, at runs of white space by default, at most so many times, from the left or right.
func (m *meter) split(right bool) exec.Method[string] {
	return func(s string, _ *exec.Value, p *exec.VarArgs) (any, error) {
		separator, limit := "", -1
		for i, v := range arguments(p, "sep", "maxsplit") {
			switch {
			case v == nil || v.IsNil():
			case i == 0:
				if separator = v.String(); separator == "" {
					return nil, errors.New("split: empty separator")
				}
			case i == 1:
				limit = v.Integer()
			}
		}
		var parts []string
		switch {
		case separator == "" && limit >= 0:
			return nil, errors.New("split: a limit needs a separator here")
		case separator == "":
			parts = strings.Fields(s)
		case right:
			parts = splitRight(s, separator, limit)
		case limit >= 0:
			parts = strings.SplitN(s, separator, 1+limit)
		default:
			parts = strings.Split(s, separator)
		}
		if err := m.length(itemSize * len(parts)); err != nil {
			return nil, err
		}
		all := make(list, len(parts))
		for i, x := range parts {
			all[i] = x
		}
		return all, nil
	}
}

// arguments are those of the names, nil where there is none.
func arguments(p *exec.VarArgs, names ...string) []*exec.Value {
	all := make([]*exec.Value, len(names))
	copy(all, p.Args)
	for i, name := range names {
		if v, ok := p.KwArgs[name]; ok {
			all[i] = v
		}
	}
	return all
}

// splitRight is strings.SplitN from the right, without a limit below 0.
func splitRight(s, separator string, limit int) []string {
	var parts []string
	for ; limit != 0; limit-- {
		i := strings.LastIndex(s, separator)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(separator):])
		s = s[:i]
	}
	parts = append(parts, s)
	slices.Reverse(parts)
	return parts
}
