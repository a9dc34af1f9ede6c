package kvgen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommitRules shows .ci/commits a history with two mistakes, one without, and none.
func TestCommitRules(t *testing.T) {
	for _, name := range []string{"bash", "git"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s", name)
		}
	}
	script, err := os.ReadFile(".ci/commits")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	commit := func(file, text string, message ...string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
		args := []string{"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q"}
		for _, m := range message {
			args = append(args, "-m", m)
		}
		for _, args := range [][]string{{"add", "-f", "."}, args} {
			if out, err := run("git", args...); err != nil {
				t.Fatalf("git %q: %v\n%s", args, err, out)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ".ci"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".ci", "commits"), script, 0o777); err != nil {
		t.Fatal(err)
	}
	check := func(code, lines int) {
		t.Helper()
		out, err := run("bash", ".ci/commits")
		got := 0
		if e, ok := err.(*exec.ExitError); ok {
			got = e.ExitCode()
		}
		if got != code || strings.Count(out, "\n") != lines {
			t.Errorf("exit code %d, want %d, and %d lines:\n%s", got, code, lines, out)
		}
	}
	check(3, 1)
	if out, err := run("git", "init", "-q"); err != nil {
		t.Fatal(out)
	}
	long := strings.Repeat("line\n", 50)
	commit(".ci/commits", string(script), "the rule", "It is here.")
	commit("a", long, strings.Repeat("é", 72), "A subject of 72 characters and a body.")
	commit("b", "x\n", "a small change needs no body")
	check(0, 1)
	commit("c", "x\n", strings.Repeat("e", 73))
	check(1, 1)
	commit("d", long, "a large change needs one")
	check(1, 2)
}
