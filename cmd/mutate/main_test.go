package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `package p

import "fmt"

func Clamp(x, top int) int {
	if x > top {
		return top
	}
	x += 0
	fmt.Println("a" + "b")
	return min(x, 7)
}

func bad(x int) error { return fmt.Errorf("%d of %d", x+1, 9) }
`

// TestFileSites lists the faults of a small file: none in the words of a message, none where + puts
// words together.
func TestFileSites(t *testing.T) {
	found, err := fileSites("gen/p/p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, strings.TrimPrefix(m.String(), "gen/p/p.go: Clamp: "))
		text, err := m.apply([]byte(sample))
		if err != nil || bytes.Equal(text, []byte(sample)) {
			t.Errorf("%v changes nothing: %v", m, err)
		}
	}
	want := []string{
		"left out: x += 0 -> (nothing)",
		"left out: fmt.Println(\"a\" + \"b\") -> (nothing)",
		"negation: x > top -> !(x > top)",
		"operator: > -> >=", "operator: > -> <=",
		"number: 0 -> 1",
		"bound: min -> max", "number: 7 -> 8",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := found[0].apply([]byte("package p")); err == nil {
		t.Error("a fault fits a file that has changed")
	}
}

// TestPlant runs the whole on a small module, with one fault that its test sees and others that it
// does not.
func TestPlant(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("go.mod", "module example.com/m\n\ngo 1.26\n")
	for _, folder := range folders { // each suite of the plan has something to run
		put(folder+"/doc.go", "package "+filepath.Base(folder)+"\n")
	}
	put("runtime/kv/add.go", "package kv\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Unseen(a int) int { return a - 1 }\n")
	put("runtime/kv/add_test.go", "package kv\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 3) != 5 {\n\t\tt.Fatal()\n\t}\n}\n")
	for _, suite := range plans[5].suites {
		if folder := strings.TrimPrefix(suite[3], "./"); folder != "runtime/attention" && folder != "runtime/model" {
			put(folder+"/doc.go", "package "+filepath.Base(folder)+"\n")
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git %v: %v: %s", args, err, out)
		}
	}
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-count", "3"}, &stdout, &stderr); code != 1 {
		t.Fatalf("exit %d: %s%s", code, &stdout, &stderr)
	}
	out := stdout.String()
	for _, want := range []string{
		"Add: operator: + -> -: caught by go test -failfast ./runtime/kv",
		"Unseen: operator: - -> +: SURVIVED", "Unseen: number: 1 -> 2: SURVIVED",
		"1 of 3 faults caught", "NOT LISTED", "-from 3",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	put("known", "runtime/kv/add.go: Unseen: operator: - -> + | nobody calls it\nruntime/kv/add.go: Unseen: number: 1 -> 2 | nobody calls it\n")
	stdout.Reset()
	if code := run(t.Context(), []string{"-count", "3", "-atleast", "30", "-survivors", "known"}, &stdout, &stderr); code != 0 {
		t.Errorf("known survivors: exit %d: %s%s", code, &stdout, &stderr)
	}
}
