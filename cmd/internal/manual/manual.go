// Package manual prints what a program's commands and flags do: help for a terminal, and a man
// page. Both are made from the flag sets that the commands parse.
package manual

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A Program has commands.
type Program struct {
	Name, Summary string
	Commands      []Command
	// of flags, in the order of help; the first is for what stands in none
	Groups []Group
	// further names of flags, without dashes: "ctk" for "cache-type-k"
	Spellings map[string]string
	Values    func(command, flag string) (values Value) // what a flag takes
	Sections  []Section                                 // of the man page, after the flags
}

// A Command says how it is called, what it is for, and its flags.
type Command struct {
	Name, Synopsis, Summary string
	Examples                []string
	Flags                   *pflag.FlagSet // nil for none
}

// A Group is flags of one subject.
type Group struct {
	Title string
	Flags []string
}

// A Section is a part of the man page.
type Section struct{ Title, Text string }

// A Value says what a flag can be given: some words, the path of a file, both, or neither for
// numbers and text.
type Value struct {
	Words []string
	File  bool
}

// Names are the short spellings of a flag with their dashes and its own long name: -ctk,
// --cache-type-k. Other long names, which are for lines that were written for other programs, are
// left out.
func (p *Program) Names(f *pflag.Flag) (names []string) {
	if f.Shorthand != "" {
		names = append(names, "-"+f.Shorthand)
	}
	var short []string
	for name, flag := range p.Spellings {
		// llama.cpp has one dash before these
		if flag == f.Name && name != f.Shorthand && len(name) <= 3 {
			short = append(short, "-"+name)
		}
	}
	slices.Sort(short)
	if len(f.Name) == 2 { // -pg
		short = append(short, "-"+f.Name)
	}
	return append(append(names, short...), "--"+f.Name)
}

// grouped are the flags of a command by the groups of the program, in the order of the flag set.
func (p *Program) grouped(fs *pflag.FlagSet) [][]*pflag.Flag {
	groups := make([][]*pflag.Flag, len(p.Groups))
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		at := max(0, slices.IndexFunc(p.Groups, func(g Group) bool { return slices.Contains(g.Flags, f.Name) }))
		groups[at] = append(groups[at], f)
	})
	return groups
}

// describe returns the name of a flag's value, empty for a switch, and its description with its
// default.
func describe(f *pflag.Flag) (value, text string) {
	value, text = pflag.UnquoteUsage(f)
	switch {
	case f.Value.Type() == "bool":
		value = ""
	case f.NoOptDefVal != "":
		value = "[" + strings.ToUpper(value) + "]"
	default:
		value = strings.ToUpper(value)
	}
	unset := []string{"", "0", "false", "[]"}
	if !strings.Contains(text, "(default") && !slices.Contains(unset, f.DefValue) {
		text += " (default " + strings.Trim(f.DefValue, "[]") + ")"
	}
	return value, text
}
