// Package peers knows the flags and commands of other programs that run the same models:
// llama.cpp's tools, its turbo fork, ik_llama.cpp, ollama and mlx_lm. A line that was written for
// one of them is either honoured or refused for a reason.
package peers

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// A Verdict says what the program does with a flag.
type Verdict string

// The verdicts of flags.txt.
const (
	// another spelling of one of our flags, which Text names without dashes
	Same Verdict = "same"
	Idle Verdict = "idle" // accepted: what it asks for already holds, or changes no result
	No   Verdict = "no"   // what it asks for is not supported; Text says why
	Here Verdict = "here" // what it asks for is asked for in another way; Text says how
)

// Optional is the arity of a flag that is a switch in one program and takes on, off, auto, 0 or 1
// in another.
const Optional = -1

// A Flag is an entry of the table: what some flags mean to a command.
type Flag struct {
	Verdict  Verdict
	Values   int      // how many arguments after the flag are its own, or Optional
	Commands []string // that it is for; nil for all
	Neutral  []string // values that ask for nothing, with which it is Idle
	Text     string

	line int // of flags.txt
}

//go:embed flags.txt
var text string

var table = read(text)

// read parses flags.txt. The text is part of the program, so a mistake in it panics; a test would
// see it.
func read(text string) map[string][]Flag {
	all := map[string][]Flag{}
	var f Flag
	for n, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case strings.HasPrefix(line, "  "):
			for _, name := range strings.Fields(line) {
				name = bare(name)
				if before := all[name]; len(before) == 0 || before[len(before)-1].line != f.line {
					all[name] = append(before, f) // once for -fit and --fit
				}
			}
		default:
			head, why, ok := strings.Cut(line, " : ")
			words := strings.Fields(head)
			if !ok || len(words) < 2 {
				panic(fmt.Sprintf("flags.txt:%d: %q", n+1, line))
			}
			f = Flag{Verdict: Verdict(words[0]), Text: why, line: n + 1}
			switch words[1] {
			case "0", "1", "2":
				f.Values = int(words[1][0] - '0')
			case "?":
				f.Values = Optional
			default:
				panic(fmt.Sprintf("flags.txt:%d: arity %q", n+1, words[1]))
			}
			for i, w := range words[2:] {
				switch {
				case strings.HasPrefix(w, "@"):
					f.Commands = strings.Split(w[1:], ",")
				case w == "unless":
				case words[i+1] == "unless":
					f.Neutral = strings.Split(w, ",")
				default:
					panic(fmt.Sprintf("flags.txt:%d: %q", n+1, w))
				}
			}
		}
	}
	return all
}

// bare is the name of a flag without dashes in front, and with dashes for _ as llama.cpp reads it.
func bare(name string) string {
	return strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
}

// Lookup finds what a flag, as typed, means to a command.
func Lookup(command, name string) (Flag, bool) {
	for _, f := range table[bare(name)] {
		if f.Commands == nil || slices.Contains(f.Commands, command) {
			return f, true
		}
	}
	return Flag{}, false
}

// IsSwitch reports whether s can be the value of an Optional flag: on, off, auto, true, false, 0, 1
// or a list of those.
func IsSwitch(s string) bool {
	for _, v := range strings.Split(s, ",") {
		switch strings.ToLower(v) {
		case "on", "off", "auto", "true", "false", "0", "1", "enabled", "disabled":
		default:
			return false
		}
	}
	return true
}

// Asks reports whether a value of f asks for something: whether it is not neutral, as a number or
// as written.
func (f Flag) Asks(value string) bool {
	return !slices.ContainsFunc(f.Neutral, func(n string) bool { return n == value || n == trimmed(value) })
}

// trimmed is a decimal number without what does not change it: 0.00 is 0, 1.0 is 1.
func trimmed(s string) string {
	if strings.Contains(s, ".") && strings.Trim(s, "-0123456789.") == "" {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "" || s == "-" {
		return "0"
	}
	return s
}
