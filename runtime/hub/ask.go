package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

var (
	hex64  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	commit = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// A repository is what the hub says of one, of GET
// /api/models/OWNER/NAME/revision/REVISION?blobs=true.
type repository struct {
	SHA      string `json:"sha"`
	Siblings []struct {
		Name string `json:"rfilename"`
		Size *int64 `json:"size"`
		LFS  *struct {
			SHA256 string `json:"sha256"`
			Size   int64  `json:"size"`
		} `json:"lfs"`
	} `json:"siblings"`
}

// askHub asks Hugging Face's hub for the files of a repository.
func (c *Client) askHub(ctx context.Context, n Name) (*Plan, error) {
	at := n.Revision
	if at == "" {
		at = "main"
	}
	var r repository
	address := fmt.Sprintf("%s/api/models/%s/%s/revision/%s?blobs=true", c.Hub, n.Owner, n.Model, url.PathEscape(at))
	if err := c.answer(ctx, address, "application/json", &r); err != nil {
		return nil, err
	}
	if !commit.MatchString(r.SHA) {
		return nil, &refusedError{fmt.Errorf("%s names no commit of %s", c.Hub, n)}
	}
	if len(r.Siblings) > maxFiles {
		return nil, &refusedError{fmt.Errorf("%s has %d files; at most %d are read", n, len(r.Siblings), maxFiles)}
	}
	p := &Plan{Name: n, Commit: r.SHA}
	var files []File
	for _, s := range r.Siblings {
		if !strings.HasSuffix(strings.ToLower(s.Name), ".gguf") {
			continue
		}
		if err := safe(s.Name); err != nil {
			p.Notes = append(p.Notes, "left out: "+err.Error())
			continue
		}
		f := File{Name: s.Name, Size: -1, address: fmt.Sprintf("%s/%s/%s/resolve/%s/%s", c.Hub, n.Owner, n.Model, r.SHA, escape(s.Name))}
		if s.Size != nil {
			f.Size = *s.Size
		}
		if s.LFS != nil {
			f.Size, f.SHA256 = s.LFS.Size, strings.ToLower(s.LFS.SHA256)
		}
		files = append(files, f)
	}
	chosen, notes, err := choose(n, files, c.Prefer)
	if err != nil {
		return nil, &refusedError{err}
	}
	p.Files, p.Notes = chosen, append(p.Notes, notes...)
	return p, p.check()
}

// escape is a path with slashes as an address has it.
func escape(name string) string {
	elements := strings.Split(name, "/")
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	return strings.Join(elements, "/")
}

// A manifest is what the registry of ollama says of a model.
type manifest struct {
	Layers []struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int64  `json:"size"`
	} `json:"layers"`
}

// weights is the type of the layer that is a GGUF file.
const weights = "application/vnd.ollama.image.model"

// askRegistry asks ollama's registry for the file of a model.
func (c *Client) askRegistry(ctx context.Context, n Name) (*Plan, error) {
	var m manifest
	base := fmt.Sprintf("%s/v2/%s/%s", c.Registry, n.Owner, n.Model)
	if err := c.answer(ctx, base+"/manifests/"+n.Tag, "application/vnd.docker.distribution.manifest.v2+json", &m); err != nil {
		return nil, err
	}
	f, notes, err := m.file(n)
	if err != nil {
		return nil, &refusedError{err}
	}
	f.address = base + "/blobs/sha256:" + f.SHA256
	p := &Plan{Name: n, Files: []File{f}, Notes: notes}
	return p, p.check()
}

// file is the model of a manifest.
func (m *manifest) file(n Name) (f File, notes []string, err error) {
	for _, l := range m.Layers {
		kind, _, _ := strings.Cut(l.MediaType, ";")
		switch {
		case kind == weights && f.Name != "":
			return f, nil, fmt.Errorf("%s is of several files of weights, which cannot be joined here", n)
		case kind == weights:
			digest := strings.ToLower(strings.TrimPrefix(l.Digest, "sha256:"))
			f = File{Name: n.Model + "-" + n.Tag + ".gguf", Size: l.Size, SHA256: digest}
		case strings.HasSuffix(kind, ".image.tensor"):
			return f, nil, fmt.Errorf("%s is kept as single tensors, not as a GGUF file", n)
		case strings.HasSuffix(kind, ".image.adapter"):
			return f, nil, fmt.Errorf("%s is a model with an adapter, which is not applied here", n)
		case strings.HasSuffix(kind, ".image.projector"):
			notes = append(notes, n.String()+": the part that sees pictures is left out")
		}
	}
	if f.Name == "" {
		return f, nil, fmt.Errorf("%s has no file of weights: it may run in its publisher's cloud alone", n)
	}
	return f, notes, nil
}

// askAddress makes a plan of the address of a file, and of the other parts of a split one. Nothing
// is asked for.
func (c *Client) askAddress(n Name) (*Plan, error) {
	u, err := url.Parse(n.URL)
	if err != nil {
		return nil, &refusedError{err}
	}
	base := path.Base(u.Path)
	if m := split.FindStringSubmatch(base); m != nil && m[2] != "00001" {
		return nil, &refusedError{fmt.Errorf("%s is one of several files: give the address of the first, %s-00001-of-%s.gguf", base, m[1], m[3])}
	}
	names := []File{{Name: base}}
	if m := split.FindStringSubmatch(base); m != nil {
		for i := 2; i <= maxParts; i++ {
			next := fmt.Sprintf("%s-%05d-of-%s.gguf", m[1], i, m[3])
			names = append(names, File{Name: next})
			if next == fmt.Sprintf("%s-%s-of-%s.gguf", m[1], m[3], m[3]) {
				break
			}
		}
	}
	all, err := parts(n, names[0], names)
	if err != nil {
		return nil, &refusedError{err}
	}
	p := &Plan{Name: n}
	for _, f := range all {
		at := *u
		at.Path, at.RawPath = path.Join(path.Dir(u.Path), f.Name), ""
		p.Files = append(p.Files, File{Name: f.Name, Size: -1, address: at.String()})
	}
	return p, p.check()
}

// check holds what a server says against the limits.
func (p *Plan) check() error {
	for _, f := range p.Files {
		switch {
		case safe(f.Name) != nil:
			return &refusedError{safe(f.Name)}
		case f.Size < -1 || f.Size > maxFile || f.Size == 0:
			return &refusedError{fmt.Errorf("%s: %s is said to have %d bytes; from 1 to %d are allowed", p.Name, f.Name, f.Size, int64(maxFile))}
		case f.SHA256 != "" && !hex64.MatchString(f.SHA256):
			return &refusedError{fmt.Errorf("%s: the SHA-256 of %s is none: %q", p.Name, f.Name, clip(f.SHA256))}
		}
	}
	return nil
}

// digestOf is the SHA-256 of a text.
func digestOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
