package hub

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// A Source is a place where models are published.
type Source string

// The sources.
const (
	HuggingFace Source = "hf"
	Ollama      Source = "ollama"
	Address     Source = "url"
)

// A Name is a model that somebody published.
type Name struct {
	Source   Source
	Owner    string // of the repository; of a model of ollama its namespace, "library" for most
	Model    string // the repository, or the model of ollama
	Tag      string // the quantisation of a repository, "" for the usual one; the tag of ollama
	File     string // of a repository: this file, "" for the one that Tag means
	Revision string // of a repository: branch, tag or commit; "" is main
	URL      string // of an address
}

// registry is the host of ollama's names. Newer files of ollama say ollama.com.
const registry = "registry.ollama.ai"

var (
	// of a repository's or a model's name
	part     = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?$`)
	tag      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$`)
	revision = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}$`)
)

// hosts are the ways to write the two sources in front of a name.
var hosts = map[string]Source{
	"hf.co": HuggingFace, "huggingface.co": HuggingFace, "www.huggingface.co": HuggingFace,
	"ollama.com": Ollama, "www.ollama.com": Ollama, registry: Ollama,
}

// Parse reads a name as people write it:
//
//	owner/name, owner/name:Q4_K_M            a repository of Hugging Face
//	hf:..., hf.co/...                        the same
//	https://huggingface.co/owner/name/blob/main/x.gguf
//	                                         one file of it, as a browser shows it
//	llama3.2, llama3.2:1b                    a model of ollama
//	ollama:owner/name:tag, ollama.com/owner/name
//	                                         one of its other models
//	https://host/path/x.gguf                 a file
func Parse(s string) (Name, error) {
	bad := func(format string, args ...any) (Name, error) {
		return Name{}, fmt.Errorf("%q is no name of a model: %s", clip(s), fmt.Sprintf(format, args...))
	}
	if s == "" || len(s) > 1000 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return bad("it is empty, longer than 1000 bytes, or has spaces or control characters")
	}
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		if scheme != "https" && scheme != "http" {
			return bad("an address begins with https://")
		}
		return parseAddress(s, bad)
	}
	source, rest := Source(""), s
	switch first, after, _ := strings.Cut(s, ":"); first {
	case "hf":
		source, rest = HuggingFace, after
	case "ollama":
		source, rest = Ollama, after
	}
	if host, after, ok := strings.Cut(rest, "/"); ok && hosts[strings.ToLower(host)] != "" {
		if named := hosts[strings.ToLower(host)]; source == "" || source == named {
			source, rest = named, after
		}
	}
	rest, label, labelled := strings.Cut(rest, ":")
	if labelled && !tag.MatchString(label) {
		return bad("after the colon comes a quantisation or a tag, like Q4_K_M or 1b")
	}
	owner, model, both := strings.Cut(rest, "/")
	if !both {
		owner, model = "", rest
	}
	if source == "" {
		source = HuggingFace
		if !both {
			source = Ollama
		}
	}
	switch {
	case strings.Contains(model, "/"):
		return bad("it has more parts than owner/name")
	case !part.MatchString(model) || both && !part.MatchString(owner):
		return bad("owner and name are letters, digits, '.', '_' and '-'")
	case safe(model) != nil || both && safe(owner) != nil || labelled && safe(label) != nil:
		return bad("one of its parts cannot be a folder on every system")
	case source == HuggingFace && !both:
		return bad("a repository is owner/name")
	}
	if source == Ollama {
		if owner == "" {
			owner = "library"
		}
		if label == "" {
			label = "latest"
		}
	}
	return Name{Source: source, Owner: owner, Model: model, Tag: label}, nil
}

// parseAddress reads an address: a page of a known source is a name there.
func parseAddress(s string, bad func(string, ...any) (Name, error)) (Name, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return bad("it is no address, or one with a password in it")
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch hosts[strings.ToLower(u.Hostname())] {
	case HuggingFace:
		if len(parts) == 2 {
			return Parse("hf:" + parts[0] + "/" + parts[1])
		}
		if len(parts) >= 5 && (parts[2] == "blob" || parts[2] == "resolve") {
			n, err := Parse("hf:" + parts[0] + "/" + parts[1])
			if n.Revision, n.File = parts[3], path.Join(parts[4:]...); err == nil && (safe(n.File) != nil || !revision.MatchString(n.Revision)) {
				return bad("the name of the file or of the revision cannot be one")
			}
			return n, err
		}
		return bad("a page of a repository, or of a file below blob or resolve, can be given")
	case Ollama:
		if parts[0] == "library" && len(parts) == 2 {
			return Parse("ollama:" + parts[1])
		}
		return Parse("ollama:" + strings.Join(parts, "/"))
	}
	if base := path.Base(u.Path); safe(base) != nil || !strings.HasSuffix(strings.ToLower(base), ".gguf") {
		return bad("the address of a file ends with .gguf")
	}
	return Name{Source: Address, URL: u.String()}, nil
}

// String is the name as Parse reads it; of an address without what may be secret in it.
func (n Name) String() string {
	switch n.Source {
	case Address:
		return plainURL(n.URL)
	case Ollama:
		return "ollama:" + n.Owner + "/" + n.Model + ":" + n.Tag
	}
	s := "hf:" + n.Owner + "/" + n.Model
	if n.Tag != "" {
		s += ":" + n.Tag
	}
	return s
}

// plainURL leaves out the query of an address, in which signatures are.
func plainURL(s string) string {
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	return clip(s)
}

// clip is a text short enough for a message.
func clip(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:117], "") + "..."
	}
	return s
}
