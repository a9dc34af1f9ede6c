// Kvgen compiles descriptions of quantisation types into kernels.
//
//	kvgen generate [--spec DIR] [--out DIR]   bring the generated files up to date
//	kvgen check    [--spec DIR] [--out DIR]   whether the spec is valid and the files are up to date
//	kvgen list     [--spec PATH] [--json] [TYPE|FILE.hcl...]
//	                                          types and instruction sets, why one is passed over,
//	                                          what has no vector form
//	kvgen explain  [--spec PATH] [--json] TYPE|FILE.hcl...
//	                                          types: their bytes, their bits, their error, their
//	                                          codebook and where that stands
//	kvgen explain  --kernel KERNEL --stage STAGE [--isa SET] TYPE|FILE.hcl...
//	                                          one kernel of types after a stage of the compiler, as
//	                                          text that diff compares
//	kvgen audit    [--spec PATH] [--json] [--samples N] [TYPE|FILE.hcl...]
//	                                          the error of types; flags a codebook over 2 % above
//	                                          its optimum, and an encode that is no inverse of
//	                                          value
//	kvgen new      [--spec DIR] [--kind KIND] [--bits N] [--block N] TYPE
//	                                          write a type to begin with into TYPE.hcl
//	kvgen fmt      [-d] [-w] [FILE.hcl...]    name spec files that are not formatted, show how, or
//	                                          format them
//	kvgen build    [--source DIR] [-o FILE] [--force] [--no-test] SPEC...
//	                                          a kvrun with the types of spec files or folders, the
//	                                          project left as it is; their kernels are first
//	                                          compared with the interpreter of the spec, on
//	                                          this processor
//	kvgen help     [COMMAND|language]         the flags of a command; the language of spec files,
//	                                          with examples
//	kvgen --version
//
// Run in the project root, it reads kernels/spec and writes below kernels. list, explain and audit
// work anywhere: outside a checkout they read the specs that kvgen was built with, and --spec or an
// argument may be one file, whose types may use the transforms of those. audit judges a codebook
// only where it holds levels of the value, or magnitudes beside a sign; of scales and of points of
// a grid it says so. Exit codes: 0 all is well, 1 a finding (a mistake in the spec, a file that is
// not up to date), 2 could not run, 130 ended by Ctrl-C, 143 by SIGTERM.
//
// What build writes replaces an older kvrun with --force alone, and never a file of another kind.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/gen"

	"github.com/kvgen/kvgen/cmd/internal/interrupt"
	_ "github.com/kvgen/kvgen/cmd/internal/limit" // before all that opens a file
	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/cmd/internal/version"
	"github.com/kvgen/kvgen/internal/suggest"
)

// A command is one subcommand. run gets the arguments after its name; an error that is a finding
// gives exit code 1.
type command struct {
	name, summary string
	run           func(ctx context.Context, stdout io.Writer, args []string) error
}

// commands in the order of the help text.
var commands = []command{
	{"generate", "bring the generated files up to date", generate},
	{"check", "say whether the spec is valid and the generated files are up to date", check},
	{"list", "types and instruction sets, why one is passed over, what has no vector form", list},
	{"explain", "one type: its bytes, its bits, its codebook; one of its kernels after each stage", explain},
	{"audit", "the error of every type, and codebooks worse than they need be", audit},
	{"new", "begin a type of your own", newType},
	{"fmt", "format spec files", format},
	{"build", "a kvrun with types of your own, from their spec files", build},
}

// language is the reference of the spec language, with examples.
//
//go:embed language.md
var language string

// finding is an error about the input rather than about running. Its text is printed as it is.
type finding string

func (f finding) Error() string { return string(f) }

// enough is how long a command has to end after Ctrl-C.
const enough = time.Second / 2

func main() {
	h := interrupt.Start(os.Stderr, enough)
	code := runUntil(h.Context, os.Stdout, os.Stderr, os.Args[1:])
	h.Close()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(stdout, stderr io.Writer, args []string) int {
	return runUntil(context.Background(), stdout, stderr, args)
}

// runUntil is run, ended when ctx is done. Control codes in what it prints are written out.
func runUntil(ctx context.Context, stdout, stderr io.Writer, args []string) int {
	stdout = plain.NewWriter(stdout)
	if len(args) == 0 {
		usage(stdout)
		return 2
	}
	switch args[0] {
	case "help", "-h", "--help":
		return help(stdout, stderr, args[1:])
	case "version", "--version", "-V":
		version.Print(stdout, "kvgen")
		fmt.Fprintln(stdout)
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, stdout, args[1:])
		var found finding
		var clash *gen.Clash
		switch {
		case err == nil || errors.Is(err, pflag.ErrHelp):
			return 0
		case errors.As(err, &found):
			fmt.Fprintln(stderr, plain.Message(found.Error()))
			return 1
		case errors.As(err, &clash): // a mistake of the spec that only its target finds
			fmt.Fprintln(stderr, clash)
			return 1
		}
		if code := interrupt.Code(err); code != 0 {
			if c := interrupt.Code(context.Cause(ctx)); c != 0 {
				code = c
			}
			if code != 141 {
				fmt.Fprintf(stderr, "kvgen %s: interrupted\n", c.name)
			}
			return code
		}
		fmt.Fprintf(stderr, "kvgen %s: %s\n", c.name, plain.Message(err.Error()))
		return 2
	}
	return noCommand(stderr, args[0])
}

// noCommand says that there is no command of a name, and which may be meant.
func noCommand(stderr io.Writer, name string) int {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	fmt.Fprintf(stderr, "kvgen: no command %q%s\n", name, suggest.Nearest(name, names))
	usage(stderr)
	return 2
}

// help prints the page of a command, the language, or the list of commands.
func help(stdout, stderr io.Writer, args []string) int {
	switch {
	case len(args) == 0:
		usage(stdout)
		return 0
	case len(args) > 1:
		fmt.Fprintln(stderr, "kvgen help: name one command, or language")
		return 2
	case args[0] == "language":
		fmt.Fprint(stdout, language)
		return 0
	}
	for _, c := range commands {
		if c.name == args[0] {
			return run(stdout, stderr, []string{c.name, "--help"})
		}
	}
	return noCommand(stderr, args[0])
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: kvgen COMMAND [flags]")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(w, "  %-10s %s\n", "help", "the flags of a command: kvgen help COMMAND; the language of specs: kvgen help language")
}
