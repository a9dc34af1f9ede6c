package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// check says whether the spec is valid and what is on disk is what it generates. It changes
// nothing.
func check(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	if err := parse(dirs.flags("check", stdout), args); err != nil {
		return err
	}
	files, err := dirs.compile()
	if err != nil {
		return err
	}
	differ, err := files.Diff(dirs.out)
	if err != nil {
		return err
	}
	if len(differ) == 0 {
		fmt.Fprintf(stdout, "%d generated files are up to date\n", len(files))
		return nil
	}
	var lines []string
	for _, d := range differ {
		lines = append(lines, d.String())
	}
	return finding(strings.Join(append(lines, "run: go generate ./..."), "\n"))
}
