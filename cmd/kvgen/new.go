package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/output"
	"github.com/kvgen/kvgen/gen/spec"
)

// newType writes a spec file to begin with: a type that works, of one of the kinds in scaffolds.
func newType(_ context.Context, stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("new", stdout)
	bits := flags.Int("bits", 4, "bits per code: 1 to 8")
	block := flags.Int("block", 64, "values per block")
	kind := flags.String("kind", "codebook", "what to begin with: "+kindNames())
	name, err := parseName(flags, args)
	if err != nil {
		return err
	}
	if *bits < 1 || *bits > 8 {
		return fmt.Errorf("--bits %d: allowed are 1 to 8", *bits)
	}
	if *block < 1 || *block**bits%8 != 0 {
		return fmt.Errorf("--block %d: %d codes of %d bits are no whole number of bytes", *block, *block, *bits)
	}
	at := slices.IndexFunc(scaffolds, func(s scaffold) bool { return s.kind == *kind })
	if at < 0 {
		return fmt.Errorf("--kind %q: allowed are %s", *kind, kindNames())
	}
	if *kind == "rotated" && (*block&(*block-1) != 0 || *block < 16 || *block > 512) {
		return fmt.Errorf("--block %d: a rotated type has blocks of a power of two, 16 to 512", *block)
	}
	var text strings.Builder
	if err := scaffolds[at].text.Execute(&text, map[string]any{
		"Name": name, "Bits": *bits, "Block": *block, "Levels": 1 << *bits, "Top": 1<<*bits - 1, "Bytes": *block * *bits / 8,
	}); err != nil {
		return err
	}
	// Alone it must be valid; beside the others its name must be new.
	file := name + ".hcl"
	source := canonical([]byte(text.String()))
	if _, err := spec.Parse(map[string][]byte{file: source}); err != nil {
		return finding(err.Error())
	}
	if l, err := dirs.library(); err == nil {
		for _, t := range l.set.Types {
			if strings.EqualFold(t.Name, name) {
				return finding(fmt.Sprintf("%s already declares %s", filepath.Join(dirs.spec, t.Range.Filename), t.Name))
			}
		}
	}
	folder := dirs.spec
	if folder == "" {
		folder = "."
		if info, err := os.Stat(defaultSpec); err == nil && info.IsDir() {
			folder = defaultSpec
		}
	}
	path := filepath.Join(folder, file)
	if _, err := os.Lstat(path); err == nil {
		return finding(path + " exists already")
	}
	var files output.Set
	f, err := files.Create(output.Request{Path: path})
	if err != nil {
		return err
	}
	err = f.Fill(func(w io.Writer) error {
		_, err := w.Write(source)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "wrote %s\n\nchange it, then\n", path)
	if folder == defaultSpec || folder == dirs.spec {
		fmt.Fprintf(stdout, "  kvgen explain %s   shows what it means\n  go generate ./...   compiles it\n", name)
	} else {
		fmt.Fprintf(stdout, "  kvgen explain %s   shows what it means\n  kvrun kld MODEL --spec %s -ctk %s -ctv %s   tries it\n  kvgen build --source CHECKOUT %s   compiles it\n",
			path, path, name, name, path)
	}
	return nil
}
