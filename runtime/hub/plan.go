package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A File is one file of a model.
type File struct {
	Name   string // with slashes, below the model's folder
	Size   int64  // bytes; -1 where the server does not say
	SHA256 string // 64 hexadecimal digits; "" where nobody says
	Path   string // where it is, or will be
	Have   bool   // it is there
	Source string // the cache of another tool that has it, "" for the folder of the client

	address string
}

// A Plan is what a name stands for.
type Plan struct {
	Name   Name
	Files  []File // the first is the one to open
	Commit string // of the repository, "" where there is none
	Notes  []string
}

// Bytes are all that the files take, and Missing those that are not there yet, a part of a file
// counted as missing.
func (p *Plan) Bytes() (n int64) {
	for _, f := range p.Files {
		n += max(f.Size, 0)
	}
	return n
}

// Missing are the bytes that are not there yet; what of a file is there already counts as missing
// until it is whole.
func (p *Plan) Missing() (n int64) {
	for _, f := range p.Files {
		if !f.Have {
			n += max(f.Size, 0)
		}
	}
	return n
}

// Resolve finds what a name stands for. Offline, or where the network fails and the files are
// there, they are taken without a question, which a note says.
func (c *Client) Resolve(ctx context.Context, n Name) (*Plan, error) {
	if !c.Offline {
		asking := *c
		if c.known(n) != nil { // what is on the disk is not waited for as long
			asking.Attempts = min(c.Attempts, 2)
		}
		p, err := asking.ask(ctx, n)
		if err == nil {
			c.look(p)
			return p, nil
		}
		if _, answered := errors.AsType[*statusError](err); answered || ctx.Err() != nil {
			return nil, explain(n, err, c.Token != "")
		}
		if _, refused := errors.AsType[*refusedError](err); refused {
			return nil, named(n, err)
		}
		if p := c.known(n); p != nil {
			p.Notes = append(p.Notes, fmt.Sprintf("the network cannot be reached (%v): %s is taken as it is on the disk", err, n))
			return p, nil
		}
		return nil, named(n, err)
	}
	if p := c.known(n); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not on the disk, and nothing may be asked for (--offline, HF_HUB_OFFLINE)", n)
}

// named is an error that begins with the name that it is about.
func named(n Name, err error) error {
	if strings.HasPrefix(err.Error(), n.String()) {
		return err
	}
	return fmt.Errorf("%s: %w", n, err)
}

func (c *Client) ask(ctx context.Context, n Name) (*Plan, error) {
	switch n.Source {
	case HuggingFace:
		return c.askHub(ctx, n)
	case Ollama:
		return c.askRegistry(ctx, n)
	case Address:
		return c.askAddress(n)
	}
	return nil, fmt.Errorf("a name of no source: %q", string(n.Source))
}

// explain says of an answer what its reader can do.
func explain(n Name, err error, token bool) error {
	s, ok := errors.AsType[*statusError](err)
	if !ok {
		return fmt.Errorf("%s: %w", n, err)
	}
	advice := ""
	switch {
	case n.Source == HuggingFace && (s.code == 401 || s.code == 403) && !token:
		advice = "the repository is private, gated or does not exist: accept its terms in a browser and set HF_TOKEN"
	case n.Source == HuggingFace && (s.code == 401 || s.code == 403):
		advice = "the token may not read it: accept the repository's terms in a browser, or use a token that may"
	case n.Source == HuggingFace && s.code == 404:
		advice = "there is no such repository, revision or file"
	case n.Source == Ollama && s.code == 404:
		advice = "there is no such model or tag; a repository of Hugging Face is written owner/name"
	case s.code == 401 || s.code == 403:
		advice = "only models that anybody may read can be brought from there"
	}
	if advice == "" {
		return fmt.Errorf("%s: %w", n, err)
	}
	return fmt.Errorf("%s: %s (%w)", n, advice, err)
}

// folder is where the files of a name lie.
func (c *Client) folder(n Name) string {
	switch n.Source {
	case HuggingFace:
		model := n.Model
		if n.Revision != "" && n.Revision != "main" { // which has files of the same names
			model += "@" + url.PathEscape(n.Revision)
		}
		return filepath.Join(c.Folder, "hf", n.Owner, model)
	case Ollama:
		return filepath.Join(c.Folder, "ollama", n.Owner, n.Model, n.Tag)
	}
	return filepath.Join(c.Folder, "url", digestOf(n.URL)[:16])
}

// look sets where the files of a plan are or will be.
func (c *Client) look(p *Plan) {
	for i := range p.Files {
		f := &p.Files[i]
		f.Path = filepath.Join(c.folder(p.Name), filepath.FromSlash(f.Name))
		if have, err := readNote(f.Path); err == nil && have.fits(f, p.Commit) {
			if f.Have = true; have.Commit != p.Commit { // which has the same bytes
				have.Commit = p.Commit
				have.write(f.Path)
			}
		}
	}
	if p.Missing() == 0 && !slices.ContainsFunc(p.Files, func(f File) bool { return !f.Have }) {
		return
	}
	// All files of a split model have to be in one folder, so a cache has all or is of no use.
	if others := c.Caches.find(p); others != nil {
		p.Files = others
	}
}

// known is what is on the disk of a name, nil for nothing. The files of a split model are all of
// one commit.
func (c *Client) known(n Name) *Plan {
	var files []File
	commits := map[string]string{} // by path
	folder := c.folder(n)
	for _, name := range notesBelow(folder) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		note, err := readNote(path)
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Size() != note.Size {
			continue
		}
		commits[path] = note.Commit
		files = append(files, File{Name: name, Size: note.Size, SHA256: note.SHA256, Path: path, Have: true})
	}
	for _, set := range append([][]File{files}, c.Caches.known(n)...) {
		chosen, notes, err := choose(n, set, c.Prefer)
		if err != nil {
			continue
		}
		commit := commits[chosen[0].Path]
		if !slices.ContainsFunc(chosen, func(f File) bool { return commits[f.Path] != commit }) {
			return &Plan{Name: n, Files: chosen, Commit: commit, Notes: notes}
		}
	}
	return nil
}
