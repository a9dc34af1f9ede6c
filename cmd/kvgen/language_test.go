package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/spec"
)

// TestLanguage compiles every example of the reference, and holds the reference to naming every
// function.
func TestLanguage(t *testing.T) {
	var examples []string
	var text strings.Builder
	for line := range strings.Lines(language) {
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented:
			text.WriteString(code)
		case line == "\n":
			text.WriteString("\n")
		default:
			if s := strings.TrimSpace(text.String()); s != "" {
				examples = append(examples, s+"\n")
			}
			text.Reset()
		}
	}
	if len(examples) < 8 {
		t.Fatalf("%d examples", len(examples))
	}
	all := map[string][]byte{}
	for _, e := range examples {
		name := regexp.MustCompile(`(?m)^(type|family) "(\w+)"`).FindStringSubmatch(e)[2]
		all[name+".hcl"] = []byte(e)
		if got := string(canonical([]byte(e))); got != e {
			t.Errorf("%s is not formatted; it would be\n%s", name, got)
		}
	}
	set, err := spec.Parse(all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Run(set, gen.Targets()...); err != nil {
		t.Error(err)
	}
	rows, err := measure(t.Context(), set, 1<<13)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Gaussian != nil && *r.Gaussian > .2 {
			t.Errorf("%s: error %g", r.Type, *r.Gaussian)
		}
	}
}

// TestHelp prints pages, and suggests what a mistyped name stands for.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"help", 0, "explain"},
		{"help explain", 0, "--json"},
		{"help language", 0, "# The language of spec files"},
		{"help nosuch", 2, `no command "nosuch"`},
		{"lis", 2, "did you mean list?"},
		{"bulid", 2, "did you mean build?"},
		{"--version", 0, "kvgen "},
		{"explain q9_0", 1, "did you mean"},
		{"explain", 2, "name a type"},
		{"list q4_0 --json", 0, `"name": "q4_0"`},
		{"explain turbo4 --json", 0, `"rotation_size": 128`},
	} {
		code, stdout, stderr := kvgen(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("kvgen %s: exit %d, want %d with %q:\n%s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
}

// TestHelpWidth keeps the pages of all commands within a terminal.
func TestHelpWidth(t *testing.T) {
	for _, c := range commands {
		_, page, _ := kvgen("help", c.name)
		for line := range strings.Lines(page) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("kvgen help %s: a line of %d: %s", c.name, n, line)
			}
		}
	}
}

// TestFormatDefaults formats the folder of a checkout without being told, and files that are named.
func TestFormatDefaults(t *testing.T) {
	t.Chdir("../..")
	if code, stdout, stderr := kvgen("fmt"); code != 0 {
		t.Errorf("the checkout: exit %d: %s%s", code, stdout, stderr)
	}
	file := t.TempDir() + "/a.hcl"
	if err := os.WriteFile(file, []byte("type \"a\" {\nblock   =   32\n}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := kvgen("fmt", file); code != 1 || !strings.Contains(stderr, "not formatted: "+file) {
		t.Errorf("a file: exit %d: %s", code, stderr)
	}
	if code, stdout, stderr := kvgen("fmt", "-w", file); code != 0 {
		t.Errorf("-w: exit %d: %s%s", code, stdout, stderr)
	}
	if code, _, _ := kvgen("fmt", file); code != 0 {
		t.Error("it is not formatted after -w")
	}
}
