//go:build emulate

package kvgen

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// newGPU is a project with one GPU more, laid over this one: what is in testdata/newgpu, and the
// frames of CUDA under other names.
type newGPU struct {
	t       *testing.T
	root    string
	dir     string            // for what is made
	overlay map[string]string // of files of the project, by their names below root
}

// put lays a text over a file of the project.
func (g *newGPU) put(name string, text []byte) {
	g.t.Helper()
	file := filepath.Join(g.dir, strings.ReplaceAll(name, "/", "+"))
	if err := os.WriteFile(file, text, 0o666); err != nil {
		g.t.Fatal(err)
	}
	g.overlay[name] = file
}

// existing are the files of the project that are changed.
func (g *newGPU) existing() (names []string) {
	for name := range g.overlay {
		if _, err := os.Stat(name); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// build makes a program of the project.
func (g *newGPU) build(command string, tags string) (program string) {
	g.t.Helper()
	replace := map[string]string{}
	for name, file := range g.overlay {
		replace[filepath.Join(g.root, filepath.FromSlash(name))] = file
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		g.t.Fatal(err)
	}
	overlay := filepath.Join(g.dir, command+".json")
	if err := os.WriteFile(overlay, text, 0o666); err != nil {
		g.t.Fatal(err)
	}
	program = filepath.Join(g.dir, command)
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-tags", tags, "-o", program, "./cmd/"+command).CombinedOutput(); err != nil {
		g.t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// printed is what a program prints.
func (g *newGPU) printed(program string, args ...string) string {
	g.t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s %v: %v\n%s", path.Base(program), args, err, out)
	}
	return string(out)
}

// says fails where a text lacks a word.
func (g *newGPU) says(what, text string, want ...string) {
	g.t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			g.t.Errorf("%s says nothing of %q:\n%s", what, w, text)
		}
	}
}

// frames lays the frames of the new GPU over the project.
func (g *newGPU) frames() {
	names, err := fs.Glob(os.DirFS("."), "templates/cuda/*")
	if err != nil || len(names) == 0 {
		g.t.Fatalf("%d frames: %v", len(names), err)
	}
	rename := strings.NewReplacer(".cuh\"", ".toyh\"", ".cu\"", ".toy\"").Replace
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			g.t.Fatal(err)
		}
		own := strings.TrimSuffix(rename(path.Base(name)+"\""), "\"")
		g.put("templates/toy/"+own, []byte(rename(string(text))))
	}
}

// TestNewGPU brings a GPU to the project by its folders and one line. The compiler generates for it
// and explains it, kvrun offers it everywhere, and a model runs on it.
func TestNewGPU(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		if os.Getenv("KVGEN_REQUIRE_CXX") != "" {
			t.Fatal(err)
		}
		t.Skip("no GPU is emulated: there is no g++")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	g := &newGPU{t, root, t.TempDir(), map[string]string{}}
	list, err := os.ReadFile("gen/target/gpus/gpus.go")
	if err != nil {
		t.Fatal(err)
	}
	g.put("gen/target/gpus/gpus.go", []byte(strings.NewReplacer(
		"\t\tcuda.Target,\n", "\t\tcuda.Target,\n\t\ttoy.Target,\n",
		"gen/target/cuda\"\n", "gen/target/cuda\"\n\t\"github.com/kvgen/kvgen/gen/target/toy\"\n").Replace(string(list))))
	folders := os.DirFS("testdata/newgpu")
	err = fs.WalkDir(folders, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folders, name)
		g.put(strings.TrimSuffix(name, ".txt"), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	kvgen := g.build("kvgen", "")
	g.says("kvgen explain", g.printed(kvgen, "explain", "lm4_64", "--kernel", "score", "--stage", "toy"), "struct Type_lm4_64 {", "transform-")
	g.says("the help of kvgen explain", strings.Join(strings.Fields(g.printed(kvgen, "explain", "--help")), " "), "toy, the type in toy C++")
	g.generate(kvgen)
	g.frames()
	if got, want := g.existing(), []string{"gen/target/gpus/gpus.go", "runtime/drivers/drivers.go"}; !slices.Equal(got, want) {
		t.Errorf("outside of its folders the new GPU changes %v, want %v", got, want)
	}

	kvrun := g.build("kvrun", "emulate")
	g.says("the help of kvrun info", strings.Join(strings.Fields(g.printed(kvrun, "help", "info")), " "), "cpu, cuda, toy,", "--toy-name", "name that the toy goes by")
	g.says("the completion of bash", g.printed(kvrun, "completion", "bash"), "toy-name", "Bear", "cpu cuda toy")
	g.says("kvrun info", g.printed(kvrun, "info", "--device", "toy", "--toy-name", "Bear"), "GPU: Bear, edition 7,")
	g.says("kvrun info of both", g.printed(kvrun, "info", "--device", "toy:0,cuda:0"), "Nameless (1 of --device)", "Emulated GPU (2 of --device)")
	line := []string{"run", "-p", "The", "-n", "3", "-c", "32", "--temp", "0", "--math", "exact", "-ctk", "lm4_64", "--json"}
	var here, there struct {
		Text   string `json:"text"`
		Record struct {
			ISA string `json:"isa"`
		} `json:"record"`
	}
	run := func(into any, args ...string) {
		t.Helper()
		if err := json.Unmarshal([]byte(g.printed(kvrun, slices.Concat(line, args)...)), into); err != nil {
			t.Fatal(err)
		}
	}
	run(&here, "--device", "cpu")
	run(&there, "--device", "toy")
	if there.Text == "" || there.Text != here.Text || there.Record.ISA != "toy toy_7, Nameless" {
		t.Errorf("on the toy: %+v, on the processor %+v", there, here)
	}
	out, err := exec.Command(kvrun, "info", "--device", "cuda", "--toy-name", "Bear").CombinedOutput()
	if err == nil {
		t.Error("a setting of the toy is taken for another GPU")
	}
	g.says("kvrun", string(out), "--toy-name Bear: kernels are compiled for --device toy alone")
}

// generate has the compiler write everything, and lays over the project what is not in it as it is.
func (g *newGPU) generate(kvgen string) {
	g.t.Helper()
	made := filepath.Join(g.dir, "made")
	if err := os.Mkdir(made, 0o777); err != nil {
		g.t.Fatal(err)
	}
	g.printed(kvgen, "generate", "--spec", "kernels/spec", "--out", made)
	err := fs.WalkDir(os.DirFS(made), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(made, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, text) {
			g.put(name, text)
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
}
