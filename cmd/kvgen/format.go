package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/gen/spec"
)

// format brings spec files into the canonical layout, which is a matter of spaces only; see canonical. Without flags it names
// the files that are not in it, as a finding.
func format(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("fmt", stdout)
	diff := flags.BoolP("diff", "d", false, "show what would change")
	write := flags.BoolP("write", "w", false, "change the files")
	if err := parse(flags, args); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(dirs.spec, "*.hcl"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no .hcl file in %s", dirs.spec)
	}
	var stale []string
	for _, path := range paths {
		old, err := spec.ReadFile(path)
		if err != nil {
			return err
		}
		if _, diags := hclsyntax.ParseConfig(old, path, hcl.InitialPos); diags.HasErrors() {
			return finding(diags.Error()) // formatting what does not parse would garble it
		}
		formatted := canonical(old)
		if bytes.Equal(old, formatted) {
			continue
		}
		stale = append(stale, path)
		if *diff {
			writeDiff(stdout, path, string(old), string(formatted))
		}
		if *write {
			if err := output.Replace(path, formatted); err != nil {
				return err
			}
			fmt.Fprintln(stdout, "formatted", path)
		}
	}
	if len(stale) > 0 && !*write {
		return finding("not formatted: " + strings.Join(stale, ", ") + "; kvgen fmt -w formats")
	}
	return nil
}

// writeDiff prints the lines that differ. Formatting keeps the number of lines, so they go by pairs.
func writeDiff(w io.Writer, path, old, formatted string) {
	fmt.Fprintf(w, "--- %s\n+++ %s formatted\n", path, path)
	before, after := strings.Split(old, "\n"), strings.Split(formatted, "\n")
	for k := 0; k < len(before); k++ {
		from := k
		for k < len(before) && k < len(after) && before[k] != after[k] {
			k++
		}
		if k == from {
			continue
		}
		fmt.Fprintf(w, "@@ line %d @@\n", from+1)
		for _, line := range before[from:k] {
			fmt.Fprintf(w, "-%s\n", line)
		}
		for _, line := range after[from:k] {
			fmt.Fprintf(w, "+%s\n", line)
		}
	}
}
