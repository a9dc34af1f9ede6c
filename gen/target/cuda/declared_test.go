package cuda_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/gen/target/cuda"
	"github.com/kvgen/kvgen/templates"
)

var (
	word        = regexp.MustCompile(`[.:]?\b[A-Za-z_]\w*\b`)
	declaration = regexp.MustCompile(`\b(?:float|int|unsigned|bool|char|auto|Element|Tables)(?: char)?[ *&]+(?:\(&)?([A-Za-z_]\w*)`)
	deviceName  = regexp.MustCompile(`__device__[^(;]*?\b(\w+)\(|\bstruct (\w+)|\benum class (\w+)|\busing (\w+)|constexpr \w+ (\w+)`)
	// also matches more names that a line declares.
	also   = regexp.MustCompile(`\bstruct (\w+)|\busing (\w+)|, (\w+) =|__device__.*? (\w+)\(`)
	quoted = regexp.MustCompile(`"[^"]*"|//.*|\b0x[0-9a-f]+u?\b|\b[0-9][0-9.e+-]*[fu]?\b`)
)

// cWords mean something without being declared.
var cWords = strings.Fields(`static const constexpr bool int float unsigned char void auto struct template class using return if continue for
	true false sizeof static_assert nullptr explicit signed __device__ __forceinline__ pragma unroll once include this sqrtf floorf Never`)

// vocabulary is what the frames declare for structs to use.
func vocabulary(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, w := range cWords {
		known[w] = true
	}
	names, err := fs.Glob(templates.Files, "cuda/*.cuh")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(templates.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range deviceName.FindAllStringSubmatch(string(text), -1) {
			for _, found := range m[1:] {
				known[found] = true
			}
		}
	}
	return known
}

// undeclared lists the names of a struct that nothing declares where they stand. It reads line by
// line, as the text is written: a brace at the end of a line opens a scope, and what a loop on one
// line or a lambda declares ends with the line.
func undeclared(text string, known map[string]bool) (missing []string) {
	scopes := []map[string]bool{known, {}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, `#include "transform-`); ok {
			scopes[1]["Transform_"+strings.TrimSuffix(name, `.cuh"`)] = true
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSpace(quoted.ReplaceAllString(line, " "))
		if strings.HasPrefix(line, "}") && len(scopes) > 2 {
			scopes = scopes[:len(scopes)-1]
		}
		opens := strings.HasSuffix(line, "{") && !strings.HasSuffix(line, "= {")
		top := scopes[len(scopes)-1]
		local := map[string]bool{}
		for _, m := range declaration.FindAllStringSubmatchIndex(line, -1) {
			name := line[m[2]:m[3]]
			local[name] = true
			// A name of a loop or a lambda has other text before it.
			if before := line[:m[0]]; before == "" || before == "const " || strings.HasPrefix(before, "static ") {
				top[name] = !strings.HasPrefix(line, "static __device__") || strings.Contains(line, "= {")
			}
		}
		for _, m := range also.FindAllStringSubmatch(line, -1) {
			for _, name := range m[1:] {
				top[name] = true
			}
		}
		for _, w := range word.FindAllString(line, -1) {
			declared := strings.HasPrefix(w, ".") || strings.HasPrefix(w, ":") || local[w]
			for _, s := range scopes {
				declared = declared || s[w]
			}
			if !declared {
				missing = append(missing, w+" in: "+line)
			}
		}
		if opens || strings.HasSuffix(line, "= {") {
			scopes = append(scopes, local)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// TestDeclared: every name of every struct is declared where it stands. No compiler of CUDA is
// needed to see that; that the structs compile is TestSpecCompile of cmd/kvrun.
func TestDeclared(t *testing.T) {
	known := vocabulary(t)
	planted := "struct A {\n  static __device__ float value(const unsigned char* b, int i) {\n    const float d = 1;\n    return d * e;\n  }\n" +
		"  static __device__ void encode(float* x, int lane) {\n    const float y = x[i];\n    for (int k = 0; k < 2; k++) x[k] = y;\n    x[k] = y;\n  }\n};\n"
	if found := undeclared(planted, known); len(found) != 3 {
		t.Fatalf("of three planted mistakes found %q", found)
	}
	seen := 0
	for _, folder := range []string{"../../../testdata/unseen", "../../../kernels/spec"} {
		set, err := spec.Load(os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range set.Types {
			seen++
			for _, m := range undeclared(string(cuda.Target.Type(typ)), known) {
				t.Errorf("%s: %s", typ.Name, m)
			}
		}
	}
	if seen < 80 {
		t.Errorf("%d types", seen)
	}
}
