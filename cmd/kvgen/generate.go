package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/manual"
	"github.com/kvgen/kvgen/gen"
)

// folders are the flags that say what to compile and where the result belongs.
type folders struct {
	spec, out string
}

// newFlags makes the flag set of a subcommand, whose page fits the terminal.
func newFlags(name string, stdout io.Writer) *pflag.FlagSet {
	set := pflag.NewFlagSet("kvgen "+name, pflag.ContinueOnError)
	set.SetOutput(stdout)
	set.Usage = func() {
		fmt.Fprintf(stdout, "Usage of kvgen %s:\n%s", name, set.FlagUsagesWrapped(manual.Width(stdout)))
	}
	return set
}

// flags makes the flag set of a subcommand that compiles.
func (f *folders) flags(name string, stdout io.Writer) *pflag.FlagSet {
	set := newFlags(name, stdout)
	set.StringVar(&f.spec, "spec", defaultSpec, "`folder` of the .hcl files")
	set.StringVar(&f.out, "out", ".", "project root; files are written below its kernels folder")
	return set
}

// compile reads the spec folder and generates every file in memory.
func (f *folders) compile() (gen.Files, error) {
	l, err := read(os.DirFS(f.spec), f.spec)
	if err != nil {
		return nil, err
	}
	return gen.Run(l.set, gen.Targets()...)
}

// parse reads the flags and rejects anything else.
func parse(set *pflag.FlagSet, args []string) error {
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return nil
}

// generate brings the files on disk up to date and names those that changed.
func generate(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	if err := parse(dirs.flags("generate", stdout), args); err != nil {
		return err
	}
	files, err := dirs.compile()
	if err != nil {
		return err
	}
	changed, err := files.Write(dirs.out)
	if err != nil {
		return err
	}
	for _, c := range changed {
		verb := "wrote"
		if c.Reason == gen.Orphan {
			verb = "removed"
		}
		fmt.Fprintln(stdout, verb, c.Path)
	}
	return nil
}
