package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOverlay makes what build lays over the project. .ci/run builds a kvrun of it.
func TestOverlay(t *testing.T) {
	root, err := projectRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	specs, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(specs, "tiny.hcl"), []byte(goodSpec), 0o666); err != nil {
		t.Fatal(err)
	}
	own, err := specFiles([]string{specs})
	if err != nil {
		t.Fatal(err)
	}
	types, err := overlay(root, dir, own)
	if err != nil || strings.Join(types, " ") != "tiny" {
		t.Fatal(types, err)
	}
	var list struct{ Replace map[string]string }
	text, err := os.ReadFile(filepath.Join(dir, "overlay.json"))
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, has := range map[string]string{
		"kernels/table.go":             `"tiny",`,
		"kernels/spec/tiny.hcl":        `type "tiny" {`,
		"kernels/cpu/tiny_amd64.s":     "TEXT",
		"kernels/cpu/tiny_generic.go":  "package cpu",
		"kernels/cpu/isas-generic.go":  "TypeTiny",
		"kernels/cuda/type-tiny.cuh":   "struct Type_tiny {",
		"kernels/cuda/type-turbo4.cuh": "",
	} {
		name, laid := list.Replace[filepath.Join(root, filepath.FromSlash(path))]
		text, _ := os.ReadFile(name)
		if laid != (has != "") || !strings.Contains(string(text), has) {
			t.Errorf("%s: %q with %d bytes, want %q in it", path, name, len(text), has)
		}
	}
}

// TestConform has the suite pass a type, and then refuse it when its portable decoder masks a bit
// away.
func TestConform(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the kernels twice; left out with -short")
	}
	root, err := projectRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := overlay(root, dir, map[string][]byte{"tiny.hcl": []byte(goodSpec)}); err != nil {
		t.Fatal(err)
	}
	if err := conform(t.Context(), root, dir, []string{"tiny"}); err != nil {
		t.Fatal(err)
	}
	laid, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, name := range laid {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if worse := strings.ReplaceAll(string(text), "& 15", "& 7"); worse != string(text) {
			broken++
			if err := os.WriteFile(name, []byte(worse), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if broken == 0 {
		t.Fatal("no mask was found to break")
	}
	var found finding
	if err := conform(t.Context(), root, dir, []string{"tiny"}); !errors.As(err, &found) || !strings.Contains(string(found), "tiny/generic") {
		t.Fatalf("a broken kernel passes: %v", err)
	}
}

// TestBuildMistakes refuses what no kvrun can be built of.
func TestBuildMistakes(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := put("good.hcl", goodSpec)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "name spec files"},
		{good, 2, ". is not the source of kvgen"},
		{"--source " + dir + " " + good, 2, dir + " is not the source of kvgen"},
		{"--source ../.. nowhere.hcl", 2, "nowhere.hcl"},
		{"--source ../.. " + t.TempDir(), 2, "no *.hcl file"},
		{"--source ../.. " + put("bad.hcl", strings.Replace(goodSpec, "qs, 4*i", "qs, 5*i", 1)), 1, "bad.hcl:6:13: "},
		{"--source ../.. " + put("taken.hcl", strings.Replace(goodSpec, "tiny", "q8_0", 1)), 1, `taken.hcl:1:6: the type "q8_0" is already declared at`},
		{"--source ../.. " + put("q8.hcl", goodSpec), 2, "a spec file of that name already"},
	} {
		code, stdout, stderr := kvgen(append([]string{"build"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, want %d with %q: %s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
}
