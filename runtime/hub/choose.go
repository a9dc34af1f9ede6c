package hub

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// beside are parts of names of GGUF files that are no language model of their own: what sees
// pictures, what drafts tokens, what a quantisation was made with.
var beside = []string{"mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"}

var (
	split = regexp.MustCompile(`(?i)^(.+)-(\d{5})-of-(\d{5})\.gguf$`)
	quant = regexp.MustCompile(`(?i)(?:^|[-._/])((?:UD-)?(?:I?Q|TQ|BF|F|[MN][XV]FP)\d[A-Z0-9_]*)(?:[-./]|$)`)
)

// choose picks the files of a repository that a name means, those of a split model in order: of the
// first quantisation of prefer that there is, where the name says none.
func choose(n Name, files []File, prefer []string) (chosen []File, notes []string, err error) {
	var models []File
	for _, f := range files {
		base := strings.ToLower(path.Base(f.Name))
		if !strings.HasSuffix(base, ".gguf") || n.File == "" && slices.ContainsFunc(beside, func(s string) bool { return strings.Contains(base, s) }) {
			continue
		}
		if m := split.FindStringSubmatch(f.Name); m != nil && m[2] != "00001" && n.File == "" {
			continue
		}
		models = append(models, f)
	}
	slices.SortFunc(models, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if len(models) == 0 {
		return nil, nil, fmt.Errorf("%s holds no GGUF file of a language model%s", n, converted(n))
	}
	first := -1
	pick := func(is func(f File) bool) bool {
		first = slices.IndexFunc(models, is)
		return first >= 0
	}
	tagged := func(t string) bool {
		re := regexp.MustCompile(`(?i)(?:^|[-._/])` + regexp.QuoteMeta(t) + `(?:[-./]|$)`)
		return pick(func(f File) bool { return re.MatchString(f.Name) })
	}
	switch {
	case n.Source == Ollama:
		first = 0
	case n.File != "":
		if !pick(func(f File) bool { return strings.EqualFold(f.Name, n.File) }) {
			return nil, nil, fmt.Errorf("%s has no file %s; it has %s", n, n.File, list(models, func(f File) string { return f.Name }))
		}
	case n.Tag != "":
		if !tagged(n.Tag) {
			return nil, nil, fmt.Errorf("%s: there is no such quantisation; the repository has %s", n, list(models, quantOf))
		}
	default:
		if !slices.ContainsFunc(prefer, tagged) {
			first = 0
		}
		if len(models) > 1 {
			notes = append(notes, fmt.Sprintf("%s: %s is taken; the repository has %s, which are named as %s:QUANT", n, quantOf(models[first]), list(models, quantOf), n))
		}
	}
	chosen, err = parts(n, models[first], files)
	return chosen, notes, err
}

// converted is the advice where a repository holds no GGUF file.
func converted(n Name) string {
	if n.Source == HuggingFace {
		return fmt.Sprintf(": look for one that was converted, often called %s-GGUF", n.Model)
	}
	return ""
}

// quantOf is the quantisation that a file is named after, or its name.
func quantOf(f File) string {
	if all := quant.FindAllStringSubmatch(f.Name, -1); all != nil {
		return strings.ToUpper(all[len(all)-1][1])
	}
	return f.Name
}

// list is a list of at most thirty words, each once.
func list(files []File, word func(File) string) string {
	var words []string
	for _, f := range files {
		if w := word(f); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	more := ""
	if n := len(words) - 30; n > 0 {
		words, more = words[:30], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(words, ", ") + more
}

// parts are all files of the model that f is the first of.
func parts(n Name, f File, files []File) ([]File, error) {
	m := split.FindStringSubmatch(f.Name)
	if m == nil {
		return []File{f}, nil
	}
	count, _ := strconv.Atoi(m[3])
	if count < 1 || count > maxParts {
		return nil, fmt.Errorf("%s: a model of %d files, %s; from 1 to %d are allowed", n, count, f.Name, maxParts)
	}
	var all []File
	for i := 1; i <= count; i++ {
		name := fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i, count)
		at := slices.IndexFunc(files, func(f File) bool { return strings.EqualFold(f.Name, name) })
		if at < 0 {
			return nil, fmt.Errorf("%s: %s is one of %d files, and %s is missing", n, f.Name, count, name)
		}
		all = append(all, files[at])
	}
	return all, nil
}
