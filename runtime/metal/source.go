package metal

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/gpu"
)

// mostSource bounds a file of --metal-source.
const mostSource = 1 << 20

// readSource reads a folder of --metal-source. What it has counts before what more finds.
func readSource(dir string, more gpu.Text, notice func(string)) (gpu.Text, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("metal: --metal-source: %w", err)
	}
	texts := map[string]string{}
	var replaced, added []string
	own := NewDialect(more)
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.IsDir() || ext != own.Kernels && ext != own.Header {
			continue
		}
		file := filepath.Join(dir, e.Name())
		s, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("metal: --metal-source: %w", err)
		}
		if s.Size() > mostSource {
			return nil, fmt.Errorf("metal: --metal-source: a file of kernels has at most %s: %s: %s", gpu.Size(mostSource), file, gpu.Size(uint64(s.Size())))
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("metal: --metal-source: %w", err)
		}
		texts[e.Name()] = string(text)
		if _, ok := own.Text(e.Name()); ok {
			replaced = append(replaced, e.Name())
		} else {
			added = append(added, e.Name())
		}
	}
	if len(replaced) == 0 {
		return nil, fmt.Errorf("metal: --metal-source: no file of %s has the name of one of the program, such as encoder%s", dir, own.Header)
	}
	if notice != nil {
		text := "kernels are made with files of " + dir + ": " + strings.Join(replaced, ", ")
		if added != nil {
			text += "; of no name that the program has: " + strings.Join(added, ", ")
		}
		notice(text)
	}
	return func(file string) (string, bool) {
		if text, ok := texts[file]; ok {
			return text, true
		}
		if more != nil {
			return more(file)
		}
		return "", false
	}, nil
}

// flat is a program as one text, since the system's compiler is given no headers. lines says where
// each line is from.
type flat struct {
	text  strings.Builder
	lines []string
	done  map[string]bool
}

// flatten puts every header in the place of the line that first includes it. Of an exact program no
// product and sum are fused, which two compilers are told in two ways.
func flatten(s *gpu.Source) *flat {
	f := &flat{done: map[string]bool{}}
	if s.Exact {
		f.add(s.Name, "#if __METAL_VERSION__ >= 320\n#pragma METAL fp contract(off)\n#else\n#pragma clang fp contract(off)\n#endif\n", nil)
	}
	f.add(s.Name, s.Main, s.Headers)
	return f
}

func (f *flat) add(file, text string, headers map[string]string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		trimmed := strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(trimmed, "#include \""); ok {
			name, _, _ := strings.Cut(rest, "\"")
			if header, known := headers[name]; known {
				if !f.done[name] {
					f.done[name] = true
					f.add(name, header, headers)
				}
				continue
			}
		}
		if trimmed == "#pragma once" { // has no meaning in a text that is included by nothing
			line = ""
		}
		f.text.WriteString(line + "\n")
		f.lines = append(f.lines, fmt.Sprintf("%s:%d", file, n))
	}
}

// place is how the system's compiler says where it is in a text.
var place = regexp.MustCompile(`program_source:(\d+)`)

// told is what the compiler says, in terms of the files that the text was made of.
func (f *flat) told(message string) string {
	return place.ReplaceAllStringFunc(message, func(at string) string {
		n, err := strconv.Atoi(place.FindStringSubmatch(at)[1])
		if err != nil || n < 1 || n > len(f.lines) {
			return at
		}
		return f.lines[n-1]
	})
}

// used are the files of a program, for messages.
func (f *flat) used() []string {
	var names []string
	for name := range f.done {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
