package kvgen

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/target/gpus"
	"github.com/kvgen/kvgen/runtime/drivers"
)

// The tests of this file hold a GPU to its folders and to the one line that brings it.

// gpuFolders are the folders of a GPU.
func gpuFolders(name string) []string {
	return []string{"gen/target/" + name, "templates/" + name, "kernels/" + name, "runtime/" + name}
}

// deviceEndings are those of files with device text.
func deviceEndings() (all []string) {
	for _, d := range drivers.All() {
		dialect := d.Dialect(nil)
		all = append(all, dialect.Kernels, dialect.Header)
	}
	return all
}

// gpuLayers are the imports that are not allowed of GPUs.
func gpuLayers() (all []layer) {
	for _, d := range drivers.All() {
		all = append(all,
			layer{"runtime/gpu", "runtime/" + d.Name, "", "", "what any GPU does knows no driver"},
			layer{"runtime/gpu", "kernels/" + d.Name, "", "", "device text is asked for by its dialect"},
			layer{"runtime/" + d.Name, "runtime/model", "", "", "a driver computes no model"})
	}
	return all
}

// checkDrivers holds a driver to being named in the list of them.
func checkDrivers(p pkg) (found []string) {
	for _, d := range drivers.All() {
		folder := "runtime/" + d.Name
		if slices.ContainsFunc(p.Imports, func(imp string) bool { return below(imp, folder) }) && !below(p.ImportPath, folder) && p.ImportPath != module+"/runtime/drivers" {
			found = append(found, fmt.Sprintf("%s imports %s: drivers are found in runtime/drivers", p.ImportPath, folder))
		}
	}
	return found
}

// TestGPUs holds the two lists to each other, and the names of drivers to those of their folders.
func TestGPUs(t *testing.T) {
	var targets, all []string
	for _, g := range gpus.All() {
		targets = append(targets, g.Name())
	}
	for _, d := range drivers.All() {
		all = append(all, d.Name)
		if d.Title == "" || d.Generation == "" || d.Open == nil {
			t.Errorf("the driver %s lacks words: %+v", d.Name, d)
		}
		if _, ok := d.Dialect(nil).Text("encoder" + d.Dialect(nil).Header); !ok {
			t.Errorf("the frames of %s are not in templates/%[1]s", d.Name)
		}
	}
	if len(targets) == 0 || !slices.Equal(targets, all) {
		t.Errorf("targets that are GPUs: %v; drivers: %v", targets, all)
	}
}

// gpuNamed are the files outside of a GPU's folders that may name it, and why.
var gpuNamed = map[string]string{
	"generate.go":                             "the tour names every package",
	"gen/target/gpus/gpus.go":                 "the list of targets",
	"runtime/drivers/drivers.go":              "generated from the list",
	"runtime/gpu/doc.go":                      "says which devices there are",
	"runtime/gpu/driver.go":                   "an example of a name",
	"gen/target/target.go":                    "an example of a name",
	"cmd/internal/peers/commands.go":          "what to type instead of another program's command",
	"cmd/kvgen/build_test.go":                 "files that it must have laid over",
	"cmd/kvrun/gpu_test.go":                   "lines as people type them",
	"cmd/kvrun/gpucommands_test.go":           "lines as people type them",
	"cmd/kvrun/placement_gpu_test.go":         "lines as people type them",
	"cmd/kvrun/main_test.go":                  "lines as people type them",
	"cmd/kvrun/measure_test.go":               "lines as people type them",
	"cmd/kvrun/spec_emulate_test.go":          "lines as people type them",
	"cmd/kvrun/spec_test.go":                  "compiles with NVRTC, where that is given",
	"runtime/gpu/attend/instructions_test.go": "counts instructions of NVIDIA's machines",
	"gpus_test.go":                            "this list",
	"newgpu_test.go":                          "brings another GPU, by the line after",
	"layout_test.go":                          "planted mistakes",
	"words_test.go":                           "planted mistakes",
}

// checkGPUNames finds files of Go that name a GPU outside of its folders, and reasons for files
// that do not.
func checkGPUNames(files []source, names []string, reasons map[string]string) (found []string) {
	pattern := regexp.MustCompile(`(?i)` + strings.Join(names, "|"))
	named := map[string]bool{}
	for _, f := range files {
		if path.Ext(f.name) != ".go" {
			continue
		}
		own := slices.ContainsFunc(names, func(name string) bool {
			return slices.ContainsFunc(gpuFolders(name), func(folder string) bool { return strings.HasPrefix(f.name, folder+"/") })
		})
		at := pattern.FindIndex(f.text)
		if at == nil || own {
			continue
		}
		named[f.name] = true
		if reasons[f.name] == "" {
			found = append(found, fmt.Sprintf("%s:%d names a GPU: %s", f.name, 1+strings.Count(string(f.text[:at[0]]), "\n"), f.text[at[0]:at[1]]))
		}
	}
	for name := range reasons {
		if !named[name] {
			found = append(found, name+" names no GPU, and a reason is given why it does")
		}
	}
	return found
}

func TestNoGPUs(t *testing.T) {
	planted := []source{
		{"cmd/kvrun/a.go", []byte("package main\n\nvar device = \"cuda\"\n")},
		{"runtime/gpu/b.go", []byte("package gpu\n\nfunc openCUDA() {}\n")},
		{"runtime/cuda/c.go", []byte("package cuda\n")},
	}
	if found := checkGPUNames(planted, []string{"cuda"}, map[string]string{"gone.go": "a reason"}); len(found) != 3 {
		t.Fatalf("of 3 planted mistakes found %q", found)
	}
	var names []string
	for _, d := range drivers.All() {
		names = append(names, regexp.QuoteMeta(d.Name))
		for _, s := range d.Settings {
			names = append(names, regexp.QuoteMeta(s.Name))
		}
	}
	for _, f := range checkGPUNames(sources(t), names, gpuNamed) {
		t.Error(f)
	}
}
