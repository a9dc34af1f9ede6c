package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/cmd/internal/line"
	"github.com/kvgen/kvgen/cmd/internal/manual"
)

// TestHelpPages holds that every command has a page with three examples that fits 80 columns. Every
// flag is on it, and what is grouped or given values exists.
func TestHelpPages(t *testing.T) {
	known := map[string]bool{}
	for _, c := range wholeManual().Commands {
		code, page, stderr := kvrun("", "help", c.Name)
		if code != 0 || stderr != "" || !strings.Contains(page, c.Summary[:10]) {
			t.Errorf("%s: exit %d: %s%s", c.Name, code, page, stderr)
		}
		if _, same, _ := kvrun("", c.Name, "--help"); same != page {
			t.Errorf("%s: --help is another page", c.Name)
		}
		for _, l := range strings.Split(page, "\n") {
			if len([]rune(l)) > 80 {
				t.Errorf("%s: %d columns: %s", c.Name, len([]rune(l)), l)
			}
		}
		c.Flags.VisitAll(func(f *pflag.Flag) {
			known[f.Name] = true
			if strings.Contains(page, "--"+f.Name) == f.Hidden {
				t.Errorf("%s: --%s, hidden %t", c.Name, f.Name, f.Hidden)
			}
		})
		if c.Flags.Lookup("model") != nil && len(c.Examples) != 3 {
			t.Errorf("%s: %d examples", c.Name, len(c.Examples))
		}
	}
	for _, g := range flagGroups {
		for _, name := range g.Flags {
			if !known[name] {
				t.Errorf("%s: no command has --%s", g.Title, name)
			}
		}
	}
	for name, flag := range line.Spellings {
		if !known[flag] && name != "e" {
			t.Errorf("-%s: no command has --%s", name, flag)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"help"}, 0, "kvrun help COMMAND"}, {[]string{"--help"}, 0, "continue a text"}, {[]string{"help", "cache"}, 0, "-ctk q8_0 -ctv lm4_64"},
		{[]string{"help", "nosuch"}, 2, `no command "nosuch"`}, {[]string{"help", "chta"}, 2, "did you mean chat"}, {[]string{"help", "run", "chat"}, 2, "one command"},
		{[]string{"help", "server"}, 2, "kvrun serve MODEL"}, {[]string{"completion"}, 2, "bash, zsh, fish"}, {[]string{"completion", "csh"}, 2, "bash, zsh, fish"},
		{[]string{"run", "-ctk", "help"}, 0, "lm4_64"}, {[]string{"types"}, 0, "turbo4"}, {[]string{"types", arches + "/llama_hd80/model.gguf"}, 0, "not a multiple of the block"},
		{[]string{"types", "nowhere.gguf"}, 2, "nowhere.gguf"},
	} {
		if code, stdout, stderr := kvrun("", c.args...); code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%q: exit %d, want %d with %q:\n%s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
}

// TestExamples parses the examples of all commands: their flags exist. No model is opened, as there
// is none of these names.
func TestExamples(t *testing.T) {
	for name, lines := range examples {
		for _, l := range lines {
			i := strings.Index(l, "kvrun ")
			args := words(t, strings.NewReplacer("<(", "", ")", "").Replace(l[i+len("kvrun "):]), nil)
			if at := slices.IndexFunc(args, func(a string) bool { return a == "|" || a == ">" }); at >= 0 {
				args = args[:at]
			}
			for _, c := range commands() {
				if c.name == args[0] {
					fs, _ := c.flags()
					read := line.Read(fs, args[1:], nil)
					if _, err := read.Check(); err != nil {
						t.Errorf("%s: %s: %v", name, l, err)
					} else if err := fs.Parse(read.Args); err != nil {
						t.Errorf("%s: %s: %v", name, l, err)
					}
					args = nil
					break
				}
			}
			if args != nil {
				t.Errorf("%s: %s: no such command", name, l)
			}
		}
	}
}

// TestTypesFit holds that kvrun types says fit of what the cache takes.
func TestTypesFit(t *testing.T) {
	for _, model := range []string{"llama_hd64", "llama_hd80", "llama_hd128"} {
		path := arches + "/" + model + "/model.gguf"
		var rows []cacheTypeRow
		kvrunJSON(t, &rows, "types", path, "--json")
		for _, r := range rows {
			code, _, stderr := kvrun("", "info", path, "-ctk", r.Name, "-ctv", r.Name)
			if r.Fits == nil || *r.Fits != (code == 0) || *r.Fits != (r.Full > 0) {
				t.Errorf("%s, %s: %+v, exit %d: %s", model, r.Name, r, code, stderr)
			}
			if !*r.Fits && !strings.Contains(stderr, r.Why) {
				t.Errorf("%s, %s: %q is not in %s", model, r.Name, r.Why, stderr)
			}
		}
	}
}

// shell runs a script in a shell, in a folder with a model, and is skipped where there is no such
// shell.
func shell(t *testing.T, name string, script string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no " + name + " on this machine")
	}
	cmd := exec.Command(path, "-c", script)
	if name == "zsh" {
		cmd = exec.Command(path, "-f", "-c", script)
	}
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "TERM=dumb")
	if err := os.WriteFile(filepath.Join(cmd.Dir, "my model.gguf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, text, _ := kvrun("", "completion", name)
	if err := os.WriteFile(filepath.Join(cmd.Dir, "_kvrun"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// completions are lines to complete, what must be offered and what must not.
var completions = []struct{ line, want, never string }{
	{"kvrun ", "run", "--model"}, {"kvrun ca", "calibrate", "run"}, {"kvrun run --cache-type-", "--cache-type-k", "--model"},
	{"kvrun run -ctk lm4", "lm4_64", "q8_0"}, {"kvrun run --cache-type-v q", "q8_0", "lm4_64"}, {"kvrun run -m m", "my model.gguf", "run"}, {"kvrun run m", "my model.gguf", "man"},
	{"kvrun bench -o j", "jsonl", "csv"}, {"kvrun help sw", "sweep", "run"}, {"kvrun completion z", "zsh", "fish"}, {"kvrun ppl --format l", "llama", "text"}, {"kvrun synth --arch gem", "gemma3", "llama"},
	{"kvrun run -", "-ngl", "run"},
}

func TestBash(t *testing.T) {
	for _, c := range completions {
		w := strings.Split(c.line, " ")
		script := "source ./_kvrun\nCOMP_WORDS=(" + strings.Join(w[:len(w)-1], " ") + " '" + w[len(w)-1] + "'); COMP_CWORD=" + string(rune('0'+len(w)-1)) + "\n_kvrun\nprintf '%s\\n' \"${COMPREPLY[@]}\""
		offered(t, c.line, strings.Split(shell(t, "bash", script), "\n"), c.want, c.never)
	}
	got := shell(t, "bash", "source ./_kvrun\nCOMP_WORDS=(kvrun run --math = f); COMP_CWORD=4\n_kvrun\nprintf '%s\\n' \"${COMPREPLY[@]}\"\nCOMP_WORDS=(kvrun bench -ctk q8_0,lm4_12); COMP_CWORD=3\n_kvrun\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
	if got != "fast\nq8_0,lm4_128\n" {
		t.Errorf("a value after = and in a list: %q", got)
	}
}

func TestFish(t *testing.T) {
	for _, c := range completions {
		var names []string
		for _, l := range strings.Split(shell(t, "fish", "source ./_kvrun; complete -C '"+c.line+"'"), "\n") {
			name, _, _ := strings.Cut(l, "\t")
			names = append(names, strings.ReplaceAll(name, `\ `, " "))
		}
		offered(t, c.line, names, c.want, c.never)
	}
}

// TestZsh runs the completion in a terminal of its own, with the matches printed instead of shown.
func TestZsh(t *testing.T) {
	const capture = `zmodload zsh/zpty || exit 1
zpty z zsh -f -i
zpty -w z 'PROMPT=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source ./_kvrun'
zpty -w z 'compadd() { local -a a o; if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi; builtin compadd -A a "$@"; print -rl -- "<"${^a}">"; }'
zpty -w z 'bindkey "^I" complete-word; zle -C complete-word complete-word show; show() { print BEGIN; _main_complete; print END; exit }'
zpty -w -n z "LINE"$'\t'
while zpty -r z text; do print -r -- $text; done
`
	for i, c := range completions {
		if i%3 > 0 && !strings.HasSuffix(c.line, " m") {
			continue // a second each
		}
		var names []string
		for _, l := range strings.Split(strings.ReplaceAll(shell(t, "zsh", strings.Replace(capture, "LINE", c.line, 1)), "\r", ""), "\n") {
			if strings.HasPrefix(l, "<") && strings.HasSuffix(l, ">") {
				names = append(names, strings.ReplaceAll(strings.TrimSuffix(strings.Trim(l, "<>"), "="), `\ `, " "))
			}
		}
		offered(t, c.line, names, c.want, c.never)
	}
}

func offered(t *testing.T, line string, got []string, want, never string) {
	t.Helper()
	if !slices.Contains(got, want) || slices.Contains(got, never) {
		t.Errorf("%s: %.300q, want %s and no %s", line, got, want, never)
	}
}

// TestMan has the page read by what checks man pages, where there is one.
func TestMan(t *testing.T) {
	var page bytes.Buffer
	if err := wholeManual().Roff(&page, "test"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".SS sweep", ".SS Device and speed", "ENVIRONMENT", `\fB\-ctk\fR`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	for _, l := range strings.Split(page.String(), "\n") {
		if strings.HasPrefix(l, "'") {
			t.Errorf("a line of roff: %s", l)
		}
	}
	checked := false
	for _, tool := range [][]string{{"mandoc", "-T", "lint", "-W", "error"}, {"groff", "-ww", "-man", "-Tutf8", "-z"}} {
		path, err := exec.LookPath(tool[0])
		if err != nil {
			continue
		}
		checked = true
		cmd := exec.Command(path, tool[1:]...)
		cmd.Stdin = strings.NewReader(page.String())
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %.500s", tool[0], err, out)
		}
	}
	if !checked {
		t.Log("neither mandoc nor groff is here: the page was not checked by one")
	}
}

// TestPagesFit keeps the pages that are no list of flags within a narrow terminal, without a broken
// word.
func TestPagesFit(t *testing.T) {
	for _, width := range []int{40, 80} {
		for name, text := range map[string]string{"cache": cachePage, "chat": slashPage(), "overview": overviewPage} {
			var b bytes.Buffer
			if err := manual.Page(&b, text, width); err != nil {
				t.Fatal(err)
			}
			for _, l := range strings.Split(b.String(), "\n") {
				if utf8.RuneCountInString(l) > width {
					t.Errorf("%s at %d: %d columns: %s", name, width, utf8.RuneCountInString(l), l)
				}
			}
			if a, b := strings.Fields(text), strings.Fields(b.String()); !slices.Equal(a, b) {
				t.Errorf("%s at %d: other words:\n%v\n%v", name, width, a, b)
			}
		}
	}
}
