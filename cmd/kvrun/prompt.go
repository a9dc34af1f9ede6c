package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/kvgen/kvgen/cmd/internal/plain"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/sample"
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

// piped is the standard input where that is a pipe or a file, and nothing otherwise. A note says
// when a pipe that stays open and silent is waited for.
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

// sampleFlags are llama.cpp's, with its defaults.
type sampleFlags struct {
	sample.Options
	seed    int64
	predict int
	keep    int
	noShift bool
	ignore  bool

	recentAll bool // as many tokens are recent as the context has positions
}

func (f *sampleFlags) add(fs *pflag.FlagSet, predict int) {
	fs.IntVarP(&f.predict, "predict", "n", predict, "`tokens` to generate at most; -1 for no limit, -2 until the context is full")
	f.addDraws(fs)
	fs.Int64Var(&f.seed, "seed", -1, "`number` that makes draws repeatable (default: a random one, which run reports with --verbose or --json)")
	fs.IntVar(&f.keep, "keep", 0, "`tokens` of the beginning to keep when the context is full; -1 for the prompt, 0 for those that begin a text or set the scene")
	fs.BoolVar(&f.noShift, "no-context-shift", false, "stop when the context is full instead of dropping older half")
	fs.BoolVar(&f.ignore, "ignore-eos", false, "go on after a token that ends a text")
}

// addDraws defines the flags that restrict what may be drawn.
func (f *sampleFlags) addDraws(fs *pflag.FlagSet) {
	fs.Float64Var(&f.Temperature, "temp", .8, "`temperature`; 0 is greedy")
	fs.IntVar(&f.TopK, "top-k", 40, "draw from the `k` most probable; 0 or -1 for all")
	fs.Float64Var(&f.TopP, "top-p", .95, "draw from the fewest with probability `p` together; 1 for all")
	fs.Float64Var(&f.MinP, "min-p", .05, "draw from those at least `p` times as probable as the first; 0 for all")
	fs.Float64Var(&f.Repeat, "repeat-penalty", 1, "`factor` against recent tokens; 1 for none")
	fs.IntVar(&f.RepeatLast, "repeat-last-n", 64, "how many `tokens` are recent; 0 for none, -1 for the context")
}

// check reads the flags and picks a seed. Numbers below 0 mean what they do in llama.cpp.
func (f *sampleFlags) check() error {
	switch {
	case f.predict < -2:
		return fmt.Errorf("--predict %d: want 0 or more, -1 for no limit or -2 until the context is full", f.predict)
	case f.keep < -1:
		return fmt.Errorf("--keep %d: want 0 or more, or -1 for the whole prompt", f.keep)
	}
	if f.predict == -2 {
		f.predict, f.noShift = -1, true
	}
	if f.keep == -1 {
		f.keep = generate.KeepPrompt
	}
	if f.TopK == -1 {
		f.TopK = 0
	}
	if f.RepeatLast == -1 {
		f.RepeatLast, f.recentAll = 0, true
	}
	if f.seed < 0 {
		f.seed = int64(rand.Uint32())
	}
	f.Seed = uint64(f.seed)
	return f.Options.Check()
}

// sized is the options for a context of so many positions.
func (f *sampleFlags) sized(positions int) sample.Options {
	if f.recentAll {
		f.RepeatLast = positions
	}
	return f.Options
}

// options are the flags for a context of so many positions.
func (f *sampleFlags) options(positions int) generate.Options {
	return generate.Options{Sampling: f.sized(positions), Limit: f.predict, IgnoreEnd: f.ignore, Keep: f.keep, NoShift: f.noShift}
}

// slowPrompt is how long a prompt runs before its percentage is shown.
const slowPrompt = time.Second

// promptProgress shows on a terminal how far a prompt has run that takes longer than a second, and
// takes the line away at its end.
func (e *environment) promptProgress() func(done, of int) {
	f, ok := plain.File(e.stderr)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	began, shown := time.Now(), 0
	return func(done, of int) {
		if time.Since(began) < slowPrompt && shown == 0 || done == of && shown == 0 {
			return
		}
		line := ""
		if done < of {
			line = fmt.Sprintf("prompt: %d %% of %d tokens", 100*done/of, of)
		}
		fmt.Fprintf(f, "\r%s\r%s", strings.Repeat(" ", shown), line)
		if shown = len(line); shown == 0 {
			began = time.Now()
		}
	}
}
