package hub

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Caches are the folders in which other tools keep models. They are read only. "" is none.
type Caches struct {
	// of Hugging Face's programs and of llama.cpp: models--OWNER--NAME/snapshots/COMMIT/FILE
	Hub    string
	Ollama []string // of ollama: manifests/HOST/OWNER/NAME/TAG and blobs/sha256-DIGEST
}

// cachesOf are the folders that the tools use, by the variables that they read.
func cachesOf(first func(...string) string, home string) Caches {
	c := Caches{Hub: first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")}
	if c.Hub == "" {
		c.Hub = filepath.Join(hfHome(first, home), "hub")
	}
	if s := first("OLLAMA_MODELS"); s != "" {
		c.Ollama = []string{s}
	} else {
		c.Ollama = []string{"/usr/share/ollama/.ollama/models"}
		if home != "" {
			c.Ollama = append(c.Ollama, filepath.Join(home, ".ollama", "models"))
		}
	}
	return c
}

// hfHome is the folder of Hugging Face's programs.
func hfHome(first func(...string) string, home string) string {
	if s := first("HF_HOME"); s != "" {
		return s
	}
	if s := first("XDG_CACHE_HOME"); s != "" {
		return filepath.Join(s, "huggingface")
	}
	return filepath.Join(home, ".cache", "huggingface")
}

// repository is the folder of a repository in the hub's cache, "" where there is none.
func (c Caches) repository(n Name) string {
	if c.Hub == "" || n.Source != HuggingFace {
		return ""
	}
	return filepath.Join(c.Hub, "models--"+n.Owner+"--"+n.Model)
}

// find returns the files of a plan where one cache has all of them, nil where none has.
func (c Caches) find(p *Plan) []File {
	if dir := c.repository(p.Name); dir != "" && p.Commit != "" {
		if files := all(p.Files, "Hugging Face's cache", func(f File) string {
			return filepath.Join(dir, "snapshots", p.Commit, filepath.FromSlash(f.Name))
		}); files != nil {
			return files
		}
	}
	if len(p.Files) != 1 || p.Files[0].SHA256 == "" {
		return nil
	}
	for _, dir := range c.Ollama {
		if files := all(p.Files, "ollama's cache", func(f File) string { return filepath.Join(dir, "blobs", "sha256-"+f.SHA256) }); files != nil {
			return files
		}
	}
	return nil
}

// all are the files where each is at its path, whole as far as its length and its name of a blob
// tell.
func all(files []File, source string, at func(File) string) []File {
	var found []File
	for _, f := range files {
		path := at(f)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || f.Size >= 0 && info.Size() != f.Size {
			return nil
		}
		if to, err := os.Readlink(path); err == nil && f.SHA256 != "" && filepath.Base(to) != f.SHA256 {
			return nil
		}
		f.Path, f.Size, f.Have, f.Source = path, info.Size(), true, source
		found = append(found, f)
	}
	return found
}

// known are the sets of files that caches have of a name, to choose from, without asking the
// network.
func (c Caches) known(n Name) (sets [][]File) {
	if dir := c.repository(n); dir != "" {
		at := n.Revision
		if at == "" {
			at = "main"
		}
		if !commit.MatchString(at) {
			b, err := readSmall(filepath.Join(dir, "refs", filepath.FromSlash(at)), 100)
			if at = strings.TrimSpace(string(b)); err != nil || !commit.MatchString(at) {
				return nil
			}
		}
		return append(sets, snapshot(filepath.Join(dir, "snapshots", at)))
	}
	if n.Source != Ollama {
		return nil
	}
	for _, dir := range c.Ollama {
		for _, host := range []string{registry, "ollama.com"} {
			var m manifest
			b, err := readSmall(filepath.Join(dir, "manifests", host, n.Owner, n.Model, n.Tag), maxAnswer)
			if err != nil || json.Unmarshal(b, &m) != nil {
				continue
			}
			f, _, err := m.file(n)
			if err != nil || !hex64.MatchString(f.SHA256) {
				continue
			}
			if files := all([]File{f}, "ollama's cache", func(f File) string { return filepath.Join(dir, "blobs", "sha256-"+f.SHA256) }); files != nil {
				sets = append(sets, files)
			}
		}
	}
	return sets
}

// snapshot are the GGUF files below a folder of the hub's cache.
func snapshot(dir string) (files []File) {
	for _, name := range filesBelow(dir) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if info, err := os.Stat(path); err == nil && strings.HasSuffix(strings.ToLower(name), ".gguf") {
			files = append(files, File{Name: name, Size: info.Size(), Path: path, Have: true, Source: "Hugging Face's cache"})
		}
	}
	return files
}

// String says where a file is kept for whoever wants to know.
func (f File) String() string {
	if f.Source != "" {
		return fmt.Sprintf("%s (%s)", f.Path, f.Source)
	}
	return f.Path
}
