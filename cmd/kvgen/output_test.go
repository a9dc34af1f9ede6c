package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuildOutputs refuses before any work what build must not replace, and what is no spec.
func TestBuildOutputs(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Skip("not tested: ", err)
		}
		return path
	}
	good := put("tiny.hcl", goodSpec)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-o", good, good}, 2, "is the file of"},
		{[]string{"-o", good, "--force", good}, 2, "is the file of"},
		{[]string{"-o", put("notes", "mine"), "--force", good}, 2, "is a text, which is never replaced"},
		{[]string{"-o", put("m.gguf", "GGUF\x03\x00"), "--force", good}, 2, "is a model (GGUF), which is never replaced"},
		{[]string{"-o", dir, good}, 2, "is a folder"},
		{[]string{"-o", filepath.Join(dir, "none", "x"), good}, 2, "there is no folder"},
		{[]string{"-o", filepath.Join(dir, "x"), put("empty.hcl", "")}, 1, "no type and no rotation is declared"},
		{[]string{"-o", filepath.Join(dir, "x"), put("notes.hcl", "# only a remark\n")}, 1, "no type and no rotation is declared"},
		{[]string{"-o", filepath.Join(dir, "x"), put("large.hcl", strings.Repeat("#", 2<<20))}, 2, "no spec"},
		{[]string{"-o", filepath.Join(dir, "x"), put("two\nlines.hcl", goodSpec)}, 2, "one line"},
	} {
		code, _, stderr := kvgen(append([]string{"build", "--source", "../.."}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit %d, want %d with %q: %s", c.args, code, c.code, c.says, stderr)
		}
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		for _, args := range [][]string{{"build", "--source", "../..", "/dev/zero"}, {"explain", "--spec", "/dev/zero", "x"}} {
			if code, _, stderr := kvgen(args...); code != 2 || !strings.Contains(stderr, "no spec") {
				t.Errorf("%q: exit %d, %s", args, code, stderr)
			}
		}
	}
	for name := range map[string]bool{"notes": true, "m.gguf": true} {
		if text, _ := os.ReadFile(filepath.Join(dir, name)); len(text) > 6 {
			t.Errorf("%s was changed", name)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestIsProgram tells a kvrun, which build replaces, from another program and from a text.
func TestIsProgram(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/kvrun\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	built := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", built, ".")
	build.Dir = dir
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	other, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{built: true, other: false, filepath.Join(dir, "main.go"): false} {
		if isProgram(path) != want {
			t.Errorf("%s is taken for a kvrun: %t", path, !want)
		}
	}
}

// TestFormatKeeps formats a file through a link, and keeps the link and the file's mode.
func TestFormatKeeps(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := os.WriteFile(real, []byte("  "+goodSpec), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "a.hcl")
	if err := os.Symlink("real", link); err != nil {
		t.Skip("not tested: ", err)
	}
	if code, _, stderr := kvgen("fmt", "-w", "--spec", dir); code != 0 {
		t.Fatal(stderr)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	text, _ := os.ReadFile(real)
	if info, err = os.Stat(real); err != nil || info.Mode().Perm() != 0o640 || strings.HasPrefix(string(text), "  ") {
		t.Errorf("mode %v, %q", info.Mode(), text)
	}
}

// TestPrinted keeps control codes of spec files from the terminal.
func TestPrinted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.hcl")
	for _, text := range []string{"\x1b[2J", strings.Replace(goodSpec, "summary", "summary = \"\x1b[2J\"\n  was", 1), strings.Repeat("\x00", 30000)} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"explain", path}, {"list", "--spec", path}, {"build", "--source", "../..", path}} {
			_, stdout, stderr := kvgen(args...)
			if strings.ContainsAny(stdout+stderr, "\x1b\x00") || len(stderr) > 20<<10 {
				t.Errorf("%q prints %.100q %.100q (%d bytes)", args, stdout, stderr, len(stderr))
			}
		}
	}
}
