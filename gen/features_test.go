package gen_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen"
	"github.com/kvgen/kvgen/gen/target/simd"
)

var requires = regexp.MustCompile(`// Requires: (.*)\nTEXT ·(\w+)\(SB\)`)

// TestRequires holds every instruction set to asking for what its functions need and no more, and
// to having no function whose text the next set has.
func TestRequires(t *testing.T) {
	for _, target := range gen.Targets() {
		s, ok := target.(simd.Target)
		if !ok {
			continue
		}
		used := map[string]map[string]bool{}
		texts := map[string]string{}
		for path, text := range ours(t) {
			if !strings.HasSuffix(path, "_"+s.Machine.Name+".s") {
				continue
			}
			for _, m := range requires.FindAllStringSubmatch(string(text), -1) {
				isa := suffixOf(s.Machine, m[2])
				if used[isa.Name] == nil {
					used[isa.Name] = map[string]bool{}
				}
				for _, name := range strings.Split(m[1], ", ") {
					used[isa.Name][name] = true
				}
			}
			for _, f := range strings.Split(string(text), "\nTEXT ·")[1:] {
				name, body, _ := strings.Cut(f, "(SB)")
				body, _, _ = strings.Cut(body, "\tRET\n")
				stem := strings.TrimSuffix(name, suffixOf(s.Machine, name).Suffix)
				if texts[stem] == body {
					t.Errorf("%s: two instruction sets have the same text of %s", path, stem)
				}
				texts[stem] = body
			}
		}
		for _, isa := range s.Machine.ISAs {
			got, want := slices.Sorted(maps.Keys(used[isa.Name])), slices.Sorted(slices.Values(isa.Requires))
			if !slices.Equal(got, want) {
				t.Errorf("%s: functions need %v, the set says %v", isa.Name, got, want)
			}
		}
		if len(texts) < 500 {
			t.Errorf("%s: only %d functions", s.Name(), len(texts))
		}
	}
}

// suffixOf is the instruction set that a function is of: the one with the longest suffix that fits.
func suffixOf(m *simd.Machine, name string) (isa *simd.ISA) {
	for k := range m.ISAs {
		if i := &m.ISAs[k]; strings.HasSuffix(name, i.Suffix) && (isa == nil || len(i.Suffix) > len(isa.Suffix)) {
			isa = i
		}
	}
	return isa
}
