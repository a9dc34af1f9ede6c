// Kvgen compiles descriptions of quantisation types into kernels.
//
//	kvgen generate [--spec DIR] [--out DIR]   bring the generated files up to date
//	kvgen check    [--spec DIR] [--out DIR]   say whether the spec is valid and the files are up to date
//	kvgen list     [--spec DIR]               types and instruction sets, why one is passed over, what has no vector form
//	kvgen explain  [--spec DIR] TYPE          one type: its bytes, its bits, its codebook and where that stands
//	kvgen audit    [--spec DIR] [--json] [--samples N]
//	                                          the error of every type; flags a codebook over 2 % above its optimum
//	kvgen new      [--spec DIR] [--bits N] [--block N] TYPE
//	                                          write a type to begin with into TYPE.hcl
//	kvgen fmt      [--spec DIR] [-d] [-w]     name spec files that are not formatted, show how, or format them
//	kvgen build    [--source DIR] [-o FILE] SPEC...
//	                                          a kvrun with the types of spec files or folders, the project left as it is
//
// Run in the project root, it reads kernels/spec and writes below kernels. It exits with 0 when all is well, 1 for a finding (a
// mistake in the spec, a file that is not up to date) and 2 when it could not run.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
)

// A command is one subcommand. run gets the arguments after its name; an error that is a finding gives exit code 1.
type command struct {
	name, summary string
	run           func(stdout io.Writer, args []string) error
}

// commands in the order of the help text.
var commands = []command{
	{"generate", "bring the generated files up to date", generate},
	{"check", "say whether the spec is valid and the generated files are up to date", check},
	{"list", "types and instruction sets, why one is passed over, what has no vector form", list},
	{"explain", "one type: its bytes, its bits, its codebook", explain},
	{"audit", "the error of every type, and codebooks worse than they need be", audit},
	{"new", "begin a type of your own", newType},
	{"fmt", "format spec files", format},
	{"build", "a kvrun with types of your own, from their spec files", build},
}

// finding is an error about the input rather than about running. Its text is printed as it is.
type finding string

func (f finding) Error() string { return string(f) }

func main() { os.Exit(run(os.Stdout, os.Stderr, os.Args[1:])) }

// run executes one command line and returns the exit code.
func run(stdout, stderr io.Writer, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(stdout, args[1:])
		var found finding
		switch {
		case err == nil || errors.Is(err, pflag.ErrHelp):
			return 0
		case errors.As(err, &found):
			fmt.Fprintln(stderr, found)
			return 1
		}
		fmt.Fprintf(stderr, "kvgen %s: %v\n", c.name, err)
		return 2
	}
	fmt.Fprintf(stderr, "kvgen: no command %q\n", args[0])
	usage(stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: kvgen COMMAND [flags]")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
}
