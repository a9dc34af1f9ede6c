package cuda

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/gpu"
)

var (
	definition = regexp.MustCompile(`(?m)^#define (\w+) `)
	inclusion  = regexp.MustCompile(`(?m)^#include "(.*)"\n`)
	word       = regexp.MustCompile(`\w+`)
)

// merged is one program of many: each is a namespace of it, so that what they include is read once.
// Kernels lose their C names. A header that depends on what a program defines is included by each;
// all others come first.
func merged(t *testing.T, name string, all []*gpu.Source) *gpu.Source {
	t.Helper()
	m := &gpu.Source{Name: name, Headers: map[string]string{}, Exact: true}
	defined := map[string]bool{}
	for _, s := range all {
		maps.Copy(m.Headers, s.Headers)
		for _, d := range definition.FindAllStringSubmatch(s.Main, -1) {
			defined[d[1]] = true
		}
	}
	// own are the headers and frames that each program includes for itself.
	own := map[string]bool{}
	for again := true; again; {
		again = false
		for file, text := range m.Headers {
			if own[file] {
				continue
			}
			depends := strings.HasSuffix(file, ".cu")
			code := uncommented(text)
			for name := range defined {
				depends = depends || strings.Contains(code, name) && slices.Contains(word.FindAllString(code, -1), name)
			}
			for name := range own {
				depends = depends || strings.Contains(text, "#include \""+name+"\"")
			}
			if depends {
				own[file], again = true, true
			}
		}
	}
	for file, text := range m.Headers {
		if own[file] {
			m.Headers[file] = strings.NewReplacer("#pragma once\n", "", `extern "C" `, "").Replace(text)
		}
	}
	var first, rest strings.Builder
	for _, file := range []string{"numeric.cuh", "encoder.cuh"} { // which types are written with
		if m.Headers[file] != "" {
			fmt.Fprintf(&first, "#include %q\n", file)
		}
	}
	seen := map[string]bool{}
	for n, s := range all {
		for _, file := range slices.Sorted(maps.Keys(s.Headers)) {
			if !own[file] && !seen[file] && strings.Contains(file, "-") {
				fmt.Fprintf(&first, "#include %q\n", file)
			}
			seen[file] = true
		}
		body := inclusion.ReplaceAllStringFunc(s.Main, func(line string) string {
			if own[inclusion.FindStringSubmatch(line)[1]] {
				return line
			}
			return ""
		})
		fmt.Fprintf(&rest, "namespace n%d {\n%s}\n", n, body)
		for _, d := range definition.FindAllStringSubmatch(s.Main, -1) {
			fmt.Fprintf(&rest, "#undef %s\n", d[1])
		}
	}
	for _, file := range slices.Sorted(maps.Keys(seen)) {
		if !own[file] && !strings.Contains(file, "-") {
			fmt.Fprintf(&first, "#include %q\n", file)
		}
	}
	m.Main = first.String() + rest.String()
	return m
}
