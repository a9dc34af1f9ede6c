package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestPlanted runs the command on folders with one kind of defect each, and on a clean one.
func TestPlanted(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			dir, want := unpack(t, file)
			var stdout, stderr bytes.Buffer
			code := run([]string{dir}, &stdout, &stderr)
			got := strings.ReplaceAll(stdout.String(), filepath.ToSlash(dir)+"/", "")
			if got != want || stderr.Len() > 0 {
				t.Errorf("found\n%swant\n%s%s", got, want, stderr.String())
			}
			if expected := min(1, len(want)); code != expected {
				t.Errorf("exit %d, want %d", code, expected)
			}
		})
	}
}

// TestRulesPlanted holds the cases to the list of rules in the manual: each rule has a message in
// some case.
func TestRulesPlanted(t *testing.T) {
	manual, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/*.txtar")
	var wants strings.Builder
	for _, file := range files {
		_, want := unpack(t, file)
		wants.WriteString(want)
	}
	rules := regexp.MustCompile(`(?m)^//\t([a-z]+) +[A-Za-z]`).FindAllStringSubmatch(string(manual), -1)
	if len(rules) != 10 {
		t.Fatalf("the manual lists %d rules", len(rules))
	}
	for _, r := range rules {
		if !strings.Contains(wants.String(), "("+r[1]+")\n") {
			t.Errorf("no case plants a defect for rule %s", r[1])
		}
	}
}

// TestCleanAssembles holds the clean control to go vet, which assembles nothing but checks frames
// and arguments, and to the assembler: what passes here must be real.
func TestCleanAssembles(t *testing.T) {
	dir, _ := unpack(t, "testdata/clean.txtar")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module k\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", "-asmdecl", "."}, {"build", "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOARCH=amd64", "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", args[0], err, out)
		}
	}
}

// TestExit covers what is not a finding.
func TestExit(t *testing.T) {
	dir, _ := unpack(t, "testdata/macro.txtar")
	below := filepath.Join(dir, "testdata")
	if err := os.Mkdir(below, 0o777); err != nil {
		t.Fatal(err)
	}
	bad, _ := unpack(t, "testdata/decl-loop.txtar")
	if err := os.WriteFile(filepath.Join(bad, "broken.go"), []byte("package\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		args []string
		code int
	}{
		{"finding below a folder", []string{dir + "/..."}, 1},
		{"testdata named", []string{below}, 0},
		{"no such folder", []string{filepath.Join(dir, "missing")}, 2},
		{"a file", []string{filepath.Join(dir, "k.go")}, 2},
		{"Go that does not parse", []string{bad}, 2},
		{"an option", []string{"-x"}, 2},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, &stdout, &stderr); code != c.code || (code == 2) != (stderr.Len() > 0) {
			t.Errorf("%s: exit %d, want %d; %s", c.what, code, c.code, stderr.String())
		}
	}
}

// unpack writes a case to a folder and returns it with the expected output.
func unpack(t *testing.T, file string) (dir, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
		} else if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}
