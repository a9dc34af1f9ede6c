package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/kvgen/kvgen/gen/spec"
)

// newType writes a spec file to begin with. It is a type that works: N-bit Lloyd-Max codes in the order of the values and
// one scale per block, fitted by least squares.
func newType(stdout io.Writer, args []string) error {
	var dirs folders
	flags := dirs.reading("new", stdout)
	bits := flags.Int("bits", 4, "bits per code: 1 to 8")
	block := flags.Int("block", 64, "values per block")
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
	var text strings.Builder
	if err := scaffold.Execute(&text, map[string]any{
		"Name": name, "Bits": *bits, "Block": *block, "Levels": 1 << *bits, "Bytes": *block * *bits / 8,
	}); err != nil {
		return err
	}
	// Alone it must be valid; beside the others its name must be new.
	file := name + ".hcl"
	source := canonical([]byte(text.String()))
	if _, err := spec.Parse(map[string][]byte{file: source}); err != nil {
		return finding(err.Error())
	}
	if set, err := dirs.load(); err == nil {
		for _, t := range set.Types {
			if strings.EqualFold(t.Name, name) {
				return finding(fmt.Sprintf("%s already declares %s", filepath.Join(dirs.spec, t.Range.Filename), t.Name))
			}
		}
	}
	path := filepath.Join(dirs.spec, file)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return finding(path + " exists already")
	} else if err != nil {
		return err
	}
	_, err = f.Write(source)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "wrote %s\n\nchange it, then\n  kvgen explain %s   shows what it means\n  go generate ./...   compiles it\n", path, name)
	return nil
}

var scaffold = template.Must(template.New("type").Parse(`# {{.Name}}: say here what it is for and why its bytes are as they are.

type "{{.Name}}" {
  summary  = "{{.Bits}}-bit Lloyd-Max codes, one scale per {{.Block}} values"
  use      = [kv, weight]
  block    = {{.Block}}
  layout   = [f16("d"), u8("qs", {{.Bytes}})]
  codebook = lloyd_max({{.Levels}}, gaussian) # what the values, divided by their root mean square, look like
  code     = bits(qs, {{.Bits}}*i, {{.Bits}}) # i is the place in the block; any arithmetic of i says where a code lies
  value    = d * codebook[code]
  encode {
    rms  = sqrt(sum(x*x) / {{.Block}})
    code = nearest(codebook, x*inv(rms))
    dot  = sum(x*codebook[code])
    len  = sum(codebook[code]*codebook[code])
    d    = rms > 0 ? dot / len : 0 # the scale that fits the chosen levels best
  }
}
`))
