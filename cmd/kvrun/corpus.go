package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/eval"
	"github.com/kvgen/kvgen/runtime/state"
)

// corpusRecord identifies a text.
type corpusRecord struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Tokens int    `json:"n_tokens"`
	IDs    string `json:"tokens_sum"` // checksum of them
}

// newCorpus describes a text and what it was cut into.
func newCorpus(path, text string, tokens []int32) corpusRecord {
	sum, ids := sha256.Sum256([]byte(text)), make([]byte, 0, 4*len(tokens))
	for _, id := range tokens {
		ids = binary.LittleEndian.AppendUint32(ids, uint32(id))
	}
	return corpusRecord{path, len(text), hex.EncodeToString(sum[:]), len(tokens), state.SumOf(ids)}
}

// corpus reads a text and makes tokens of it, the embedded one when path is empty.
func (s *session) corpus(e *environment, path string) (eval.Text, corpusRecord, error) {
	text := demo.Corpus()
	if path == "" {
		path = embedded
	} else {
		var err error
		if text, err = e.readText(path); err != nil {
			return eval.Text{}, corpusRecord{}, err
		}
	}
	switch {
	case text == "":
		return eval.Text{}, corpusRecord{}, errors.New(path + ": the text is empty")
	case !utf8.ValidString(text):
		return eval.Text{}, corpusRecord{}, fmt.Errorf("%s: the text is not UTF-8 at byte %d", path, invalidAt(text))
	}
	t, err := s.vocabulary()
	if err != nil {
		return eval.Text{}, corpusRecord{}, err
	}
	tokens, err := s.encode(text, false)
	if err != nil {
		return eval.Text{}, corpusRecord{}, err
	}
	out := eval.Text{Tokens: tokens, BOS: t.BOS, AddBOS: t.AddBOS}
	return out, newCorpus(path, text, out.Tokens), nil
}

// passage is a text to measure on, and how many chunks it has of the size that the flags ask for:
// 512 tokens, or --ctx-size.
func (s *session) passage(e *environment, path string, o *eval.Options) (text eval.Text, c corpusRecord, chunks int, err error) {
	if o.Context = s.flags.size; o.Context == 0 {
		o.Context = 512
	}
	if err = s.within(o.Context); err == nil {
		text, c, err = s.corpus(e, path)
	}
	if err != nil {
		return text, c, 0, err
	}
	if chunks, err = o.Count(text); err != nil {
		err = fmt.Errorf("%s: %w", c.Path, err)
	}
	return text, c, chunks, err
}

// encode makes tokens of a text, which takes a while where it is long.
func (s *session) encode(text string, special bool) ([]int32, error) {
	t, err := s.vocabulary()
	if err != nil {
		return nil, err
	}
	tokens, err := during(s.ctx, func() ([]int32, error) { return t.Encode(text, true, special), nil })
	s.left = s.left || err != nil
	return tokens, err
}

// enough says before any work, and before any file is made, whether a text has two chunks of n
// tokens.
func enough(t eval.Text, c corpusRecord, n int) error {
	if _, err := (eval.Options{Context: n}).Count(t); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	return nil
}

// invalidAt is where the first byte stands that is no UTF-8.
func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}

// conversations reads a file of JSON lines, a conversation each. It makes one text of them as the
// model's chat template writes them, which is what a chat model was tuned on.
func (s *session) conversations(e *environment, path string) (t eval.Text, c corpusRecord, err error) {
	text, err := e.readText(path)
	if err != nil {
		return t, c, err
	}
	template, err := s.template()
	if err != nil {
		return t, c, err
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxText)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		turns, err := chat.ReadLine(lines.Text(), n)
		if err != nil {
			return t, c, fmt.Errorf("%s: %w", path, err)
		}
		tokens, err := template.Tokens(turns, false)
		if err != nil {
			return t, c, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		t.Tokens = append(t.Tokens, tokens...)
	}
	if err := lines.Err(); err != nil {
		return t, c, fmt.Errorf("%s: %w", path, err)
	}
	if len(t.Tokens) == 0 {
		return t, c, fmt.Errorf("%s: no conversation", path)
	}
	t.BOS, t.AddBOS = s.tokens.BOS, s.tokens.AddBOS
	return t, newCorpus(path, text, t.Tokens), nil
}

// forceFlag is how an older result is let go; see package output for the rule.
func forceFlag(fs *pflag.FlagSet, force *bool) {
	fs.BoolVar(force, "force", false, "replace an older result of this command")
}

// splitModel is the name of the first part of a model in several files.
var splitModel = regexp.MustCompile(`^(.*)-00001-of-([0-9]{5})\.gguf$`)

// readsModel notes that all files of a model are read.
func (e *environment) readsModel(path string) error {
	for _, file := range splitPaths(path) {
		if err := e.files.Input("", file); err != nil {
			return err
		}
	}
	return nil
}

// splitPaths are the files of a model whose first is path.
func splitPaths(path string) []string {
	all := []string{path}
	if m := splitModel.FindStringSubmatch(path); m != nil {
		parts, _ := strconv.Atoi(m[2])
		for i := 2; i <= min(parts, 1000); i++ {
			all = append(all, fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i, parts))
		}
	}
	return all
}

// beside is where the result is printed when an output is written: the standard error, where that
// is the standard output.
func (e *environment) beside(stdout bool) io.Writer {
	if stdout {
		return e.stderr
	}
	return e.stdout
}

// maxText bounds what is read of a text, in bytes. What never ends, such as /dev/zero, must not
// take all memory.
const maxText = 256 << 20

// readAll is what r holds, at most limit bytes.
func readAll(r io.Reader, limit int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than the %d bytes that are read of a text", limit)
	}
	return string(data), err
}
