package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/gen/spec"
)

// format brings spec files into the canonical layout, which is a matter of spaces only; see
// canonical. Without flags it names the files that are not in it, as a finding.
func format(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("fmt", stdout)
	diff := flags.BoolP("diff", "d", false, "show what would change")
	write := flags.BoolP("write", "w", false, "change the files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	paths, err := toFormat(cmp.Or(dirs.spec, defaultSpec), flags.Args())
	if err != nil {
		return err
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

// toFormat are the spec files that are named, or those of the folder, or the file, of --spec.
func toFormat(spec string, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	if info, err := os.Stat(spec); err == nil && !info.IsDir() {
		return []string{spec}, nil
	}
	paths, err := filepath.Glob(filepath.Join(spec, "*.hcl"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no .hcl file in %s", spec)
	}
	return paths, err
}

// writeDiff prints the lines that differ. Formatting keeps the number of lines, so they go by
// pairs.
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
