package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// promptFlags say where a text to continue comes from.
type promptFlags struct {
	prompt, file string
	verbatim     bool // --no-escape
}

// addEscapes defines the flag that leaves \n and its like as they are.
func (p *promptFlags) addEscapes(fs *pflag.FlagSet) {
	fs.BoolVar(&p.verbatim, "no-escape", false, `leave \n, \r, \t, \', \", \\ and \xHH of --prompt as they are`)
}

// unescaped is text as --prompt means it.
func (p *promptFlags) unescaped(text string) string {
	if p.verbatim {
		return text
	}
	return unescape(text)
}

// unescape replaces the escapes that llama.cpp's tools know, and leaves all others.
func unescape(s string) string {
	single := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '\'': '\'', '"': '"', '\\': '\\'}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		if c, ok := single[s[i]]; ok {
			out.WriteByte(c)
			continue
		}
		if s[i] == 'x' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		out.WriteByte('\\')
		out.WriteByte(s[i])
	}
	return out.String()
}

// positional takes the text out of what is no flag, as ollama has it: MODEL "TEXT".
func (p *promptFlags) positional(e *environment, m *modelFlags, args []string) ([]string, error) {
	models := 1
	if m.model != "" {
		models = 0
	}
	if len(args) != models+1 || p.prompt != "" || p.file != "" {
		return args, nil
	}
	text := args[models]
	if modelName(text) {
		return args, nil // a second model, or a file that -f is for
	}
	p.prompt = text
	fmt.Fprintf(e.stderr, "note: %.60q is taken for --prompt\n", text)
	return args[:models], nil
}

// read is the text of the flags, or of a pipe where there is neither --prompt nor --file.
func (p *promptFlags) read(e *environment) (text string, err error) {
	switch {
	case p.file != "" && p.prompt != "":
		return "", errors.New("--prompt and --file are both given")
	case p.prompt != "":
		return p.unescaped(p.prompt), nil
	case p.file != "":
		if text, err = e.readText(p.file); err == nil && text == "" {
			err = fmt.Errorf("nothing to continue: %s is empty", p.file)
		}
		return text, err
	}
	return e.piped()
}

// piped is what comes through the standard input where that is a pipe or a file, and nothing otherwise. A pipe that stays open
// and silent is said to be waited for.
func (e *environment) piped() (string, error) {
	if f, ok := e.stdin.(*os.File); ok {
		s, err := f.Stat()
		if err != nil || s.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 && !s.Mode().IsRegular() {
			return "", nil
		}
	}
	if e.stdin == nil {
		return "", nil
	}
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := readAll(e.stdin, maxText)
		done <- result{text, err}
	}()
	waiting := time.NewTimer(2 * time.Second)
	defer waiting.Stop()
	for {
		select {
		case r := <-done:
			return r.text, r.err
		case <-e.ctx.Done():
			return "", e.ctx.Err()
		case <-waiting.C:
			io.WriteString(e.stderr, "note: the text is read from the standard input, which has not ended yet\n")
		}
	}
}
