package main

import (
	"errors"
	"fmt"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/hub"
)

// A pulledModel is what kvrun pull says of a model.
type pulledModel struct {
	Name   string       `json:"name"`
	Path   string       `json:"path"` // of the file to open
	Bytes  int64        `json:"bytes"`
	Commit string       `json:"commit,omitempty"`
	Files  []pulledFile `json:"files"`
	Notes  []string     `json:"notes,omitempty"`
}

type pulledFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
	Cache  string `json:"cache,omitempty"` // of another tool, where it is of one
}

// pullCommand brings models and prints where they are.
func pullCommand(e *environment, args []string) error {
	var h hubFlags
	var json bool
	fs := newFlags("pull")
	fs.StringVar(&h.file, "hf-file", "", "`name` of a file of the repository, instead of a quant")
	h.addAccess(fs)
	fs.BoolVar(&json, "json", false, "print the result as JSON")
	if err := e.parse(fs, "NAME... [flags]", args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("which model? owner/name[:quant] of Hugging Face, a name of ollama's library, or the address of a GGUF file")
	}
	if h.file != "" && fs.NArg() > 1 {
		return fmt.Errorf("--hf-file is a file of one repository, and %d are given", fs.NArg())
	}
	c, err := h.client(e)
	if err != nil {
		return err
	}
	var names []hub.Name
	for _, arg := range fs.Args() {
		n, err := hub.Parse(arg)
		if err != nil {
			return err
		}
		if h.file != "" {
			if n.Source != hub.HuggingFace {
				return fmt.Errorf("--hf-file is a file of a repository, which %s is not", n)
			}
			n.File = h.file
		}
		names = append(names, n)
	}
	var all []pulledModel
	for _, n := range names {
		p, err := h.bring(e, c, n)
		if err != nil {
			return errors.Join(printPulled(e, all, json), err)
		}
		m := pulledModel{Name: n.String(), Path: p.Files[0].Path, Bytes: p.Bytes(), Commit: p.Commit, Notes: p.Notes}
		for _, f := range p.Files {
			m.Files = append(m.Files, pulledFile{f.Path, f.Size, f.SHA256, f.Source})
		}
		all = append(all, m)
	}
	return printPulled(e, all, json)
}

// printPulled prints the paths, one a line, for other programs: kvrun run $(kvrun pull NAME).
func printPulled(e *environment, all []pulledModel, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, all)
	}
	for _, m := range all {
		if _, err := fmt.Fprintln(e.stdout, plain.Text(m.Path)); err != nil {
			return err
		}
	}
	return nil
}
