//go:build peers

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
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

// TestVariants holds what a file with faults becomes: parameters get names, lines keep their
// numbers, and each fault has a copy of its function.
func TestVariants(t *testing.T) {
	const text = `package p

func (t *T[K]) Put(_ K, _ int, rest ...string) (n int) {
	return len(rest) + 1
}

func Map[K, V any](func(K) V, K) { println(len("")) }

func same() int { return 2 }
`
	found, err := fileSites("p/p.go", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	functions, count := make([]int, len(found)), 0
	var numbers []int
	for n, m := range found {
		if m.function != "same" {
			numbers = append(numbers, n)
		}
	}
	got, pkg, err := fileVariants([]byte(text), found, numbers, functions, &count)
	if err != nil {
		t.Fatal(err)
	}
	const want = `package p

func (t *T[K]) Put(mutantArgument0 K, mutantArgument1 int, rest ...string) (n int) { if mutantOn { switch mutantAt(0) { case 0: return t.Put__mutant0(mutantArgument0, mutantArgument1, rest...); case 1: return t.Put__mutant1(mutantArgument0, mutantArgument1, rest...); } }; 
	return len(rest) + 1
}

func Map[K, V any](mutantArgument0 func(K) V, mutantArgument1 K) { if mutantOn { switch mutantAt(1) { case 2: Map__mutant2[K, V](mutantArgument0, mutantArgument1); return; } };  println(len("")) }

func same() int { return 2 }

func (t *T[K]) Put__mutant0(_ K, _ int, rest ...string) (n int) {
	return len(rest) - 1
}

func (t *T[K]) Put__mutant1(_ K, _ int, rest ...string) (n int) {
	return len(rest) + 2
}

func Map__mutant2[K, V any](func(K) V, K) {  }
`
	if string(got) != want || pkg != "p" {
		t.Errorf("package %s:\n%s", pkg, got)
	}
	if count != 2 || functions[0] != 0 || functions[1] != 0 || functions[2] != 1 {
		t.Errorf("%d functions: %v", count, functions)
	}
}

// TestTracer holds to whom marks are given: to tests that ran since the look before the last, to
// all of them what was marked before any began.
func TestTracer(t *testing.T) {
	dir := t.TempDir()
	marks, said := filepath.Join(dir, "marks"), filepath.Join(dir, "said")
	write := func(name string, text []byte) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(marks, make([]byte, 5))
	write(said, nil)
	tr, err := newTracer(marks, said)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	look := func(mark int, says string) {
		t.Helper()
		if _, err := tr.marks.WriteAt([]byte{1}, int64(mark)); err != nil {
			t.Fatal(err)
		}
		write(said, []byte(says))
		if err := tr.look(); err != nil {
			t.Fatal(err)
		}
	}
	look(0, "\x16=== RU")
	look(1, "N   TestA\n\x16=== RUN   TestA/one\nwords\x16    --- PASS: TestA/one (0.00s)\n")
	look(2, "\x16--- PASS: TestA (0.00s)\n\x16=== RUN   TestB\n\x16=== PAUSE TestB\n")
	look(3, "\x16=== RUN   TestC\n\x16--- FAIL: TestC (0.00s)\n")
	look(4, "\x16=== CONT  TestB\n\x16--- PASS: TestB (0.00s)\n")
	var got []string
	for _, one := range tr.result() {
		got = append(got, fmt.Sprint(one.Name, one.Reaches, one.Fails))
	}
	want := []string{"TestA[0 1 2 3] false", "TestB[0 1 2 3 4] false", "TestC[0 1 3 4] true"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestMeetings holds the order in which a fault meets tests.
func TestMeetings(t *testing.T) {
	suites := []suite{
		{Name: "./far", Folder: "far", Tests: []test{{Name: "Short", Seconds: .1, Reaches: []int{7}}, {Name: "Fails", Reaches: []int{7}, Fails: true}}},
		{Name: "./own", Folder: "own", Tests: []test{{Name: "Long", Seconds: 9, Reaches: []int{3, 7}}, {Name: "Other", Reaches: []int{3}}, {Name: "Short", Seconds: 1, Reaches: []int{7}}}},
		{Name: "kvgen check", Folder: ".", Args: []string{"check"}, Tests: []test{{Seconds: 5, Reaches: []int{7}}}},
	}
	names := func(round int) (all []string) {
		for _, m := range meetings(suites, "own", 7, round) {
			for _, one := range m.tests {
				all = append(all, m.suite.Name+" "+one.Name)
			}
		}
		return all
	}
	if got, want := names(1), []string{"./own Short", "kvgen check ", "./far Short"}; !slices.Equal(got, want) {
		t.Errorf("quick: got %q, want %q", got, want)
	}
	if got, want := names(2), []string{"./own Long"}; !slices.Equal(got, want) {
		t.Errorf("slow: got %q, want %q", got, want)
	}
	if n := reached(suites, 7); n != 4 {
		t.Errorf("%d tests reach the function, want 4", n)
	}
}

// A module whose tests see some faults, and others not: one of them by a test that does not end.
var module = map[string]string{
	"go.mod":                      "module example.com/m\n\ngo 1.26\n",
	"gen/doc.go":                  "package gen\n",
	"kernels/doc.go":              "package kernels\n",
	"runtime/attention/doc.go":    "package attention\n",
	"runtime/cpu/engine/doc.go":   "package engine\n",
	"runtime/program/doc.go":      "package program\n",
	"runtime/model/doc.go":        "package model\n",
	"runtime/kv/add.go":           "package kv\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Unseen(a int) int { return a - 1 }\n",
	"runtime/kv/other_windows.go": "package kv\n\nfunc Other(a int) int { return a - 1 }\n",
	"runtime/kv/unused_import.go": "package kv\n\nimport \"sync\"\n\nfunc Void() { sync.OnceFunc(nil) }\n",
	"runtime/kv/add_test.go":      "package kv\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 3) != 5 {\n\t\tt.Fatal()\n\t}\n}\n",
	"runtime/other/other_test.go": "package other\n\nimport \"testing\"\n\nfunc TestOther(t *testing.T) { t.Fatal(\"depends on no fault\") }\n",
	"runtime/other/other.go":      "package other\n",
}

// commit makes a repository of files and goes there.
func commit(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
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
}

// TestPlant runs the whole on a small module, twice in one folder: the second time nothing is left
// to do.
func TestPlant(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("faults are chosen by a mapped file")
	}
	work := t.TempDir()
	commit(t, module)
	t.Setenv("GOFLAGS", "-buildvcs=false")
	args := []string{"-count", "9", "-steps", "tests", "-work", work}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, &stdout, &stderr); code != 1 {
		t.Fatalf("exit %d: %s%s", code, &stdout, &stderr)
	}
	out := stdout.String()
	// Two places are for Windows, one does not compile.
	for _, want := range []string{
		"3 of 6 places, seed 1, from 0; the next part begins with -from 6",
		"Add: operator: + -> -: caught by ./runtime/kv TestAdd",
		"Unseen: operator: - -> +: SURVIVED", "Unseen: number: 1 -> 2: SURVIVED",
		"1 of 3 faults caught", "(line 5, reached by 0 tests) | NOT LISTED",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	known := filepath.Join(t.TempDir(), "known")
	list := "runtime/kv/add.go: Unseen: operator: - -> + | nobody calls it\nruntime/kv/add.go: Unseen: number: 1 -> 2 | nobody calls it\n"
	if err := os.WriteFile(known, []byte(list), 0o666); err != nil {
		t.Fatal(err)
	}
	stdout.Reset()
	if code := run(t.Context(), append(args, "-atleast", "30", "-survivors", known), &stdout, &stderr); code != 0 {
		t.Errorf("known survivors: exit %d: %s%s", code, &stdout, &stderr)
	}
	if strings.Contains(stdout.String(), "caught by") {
		t.Errorf("a fault is planted again:\n%s", &stdout)
	}
	stdout.Reset()
	if code := run(t.Context(), []string{"-list", "-only", "Add: operator"}, &stdout, &stderr); code != 0 || stdout.String() != "runtime/kv/add.go: Add: operator: + -> -\n" {
		t.Errorf("-only: exit %d: %s%s", code, &stdout, &stderr)
	}
	if code := run(t.Context(), append(args, "-seed", "2"), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), "holds another run") {
		t.Errorf("another seed in the same folder: exit %d: %s", code, &stderr)
	}
}

// TestSlow plants a fault that makes a test run for ever.
func TestSlow(t *testing.T) {
	commit(t, map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n"})
	w := &work{dir: t.TempDir()}
	if err := os.MkdirAll(w.clone(), 0o777); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("there is no sleep")
	}
	s := suite{Name: "sleeping", Folder: ".", Program: program, Args: []string{"60"}}
	begin := time.Now()
	o, err := w.meet(t.Context(), s, nil, 0, 100*time.Millisecond)
	if err != nil || !o.noticed || !o.slow || time.Since(begin) > 30*time.Second {
		t.Errorf("%+v, %v after %v", o, err, time.Since(begin))
	}
	s.Args = []string{"0"}
	if o, err = w.meet(t.Context(), s, nil, 0, time.Minute); err != nil || o.noticed || o.slow {
		t.Errorf("what ends: %+v, %v", o, err)
	}
}
