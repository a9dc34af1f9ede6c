package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestScripts runs the command lines of each testdata/*.txtar, in order, in a folder with the files
// of the archive. The comment of an archive has one command line per line that begins with "$ ";
// the file "output" holds what they print, standard error marked with "! ", and exit codes other
// than 0. A command line "cat FILE" prints a file.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			if script, err = filepath.Abs(script); err != nil { // the commands run elsewhere
				t.Fatal(err)
			}
			dir, output := t.TempDir(), -1
			for k, f := range archive.Files {
				if f.Name == "output" {
					output = k
					continue
				}
				path := filepath.Join(dir, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if output < 0 {
				t.Fatal("the archive has no file called output")
			}
			got := play(t, dir, string(archive.Comment))
			if *update {
				archive.Files[output].Data = []byte(got)
				if err := os.WriteFile(script, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Files[output].Data); !*update && got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// play runs the command lines of a script and returns a transcript.
func play(t *testing.T, dir, script string) string {
	t.Helper()
	t.Chdir(dir)
	var transcript strings.Builder
	for line := range strings.Lines(script) {
		line, isCommand := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !isCommand {
			continue
		}
		transcript.WriteString("$ " + line + "\n")
		args := strings.Fields(line)
		if args[0] == "cat" {
			text, err := os.ReadFile(args[1])
			if err != nil {
				t.Fatal(err)
			}
			transcript.Write(text)
			continue
		}
		var stdout, stderr bytes.Buffer
		code := run(&stdout, &stderr, args[1:])
		transcript.WriteString(stdout.String())
		for message := range strings.Lines(stderr.String()) {
			transcript.WriteString("! " + message)
		}
		if code != 0 {
			transcript.WriteString("exit " + string(rune('0'+code)) + "\n")
		}
	}
	return transcript.String()
}
