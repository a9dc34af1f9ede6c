package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/gen/spec"
	"github.com/kvgen/kvgen/runtime/cuda"
	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/gpu"
	"github.com/kvgen/kvgen/runtime/gpu/attend"
	gpuproduct "github.com/kvgen/kvgen/runtime/gpu/product"
	"github.com/kvgen/kvgen/runtime/gpu/rows"
)

// mine writes the type that README shows to a file.
func mine(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?ms)^    type "mine" \{\n.*?^    \}\n`).Find(text)
	return write(t, "mine.hcl", strings.ReplaceAll("\n"+string(example), "\n    ", "\n")[1:])
}

// renamed writes a shipped spec file with other names and no numbers, so that --spec takes it.
func renamed(t *testing.T, file, from, to string) string {
	t.Helper()
	text, err := os.ReadFile("../../kernels/spec/" + file)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(string(text), `"`+from, `"`+to)
	other = regexp.MustCompile(`\b`+from+`_wht`).ReplaceAllString(other, to+"_wht")
	return write(t, file, regexp.MustCompile(`(?m)^ *id .*\n`).ReplaceAllString(other, ""))
}

// TestSpecAgrees runs types twice: as generated kernels of portable Go, and interpreted under
// another name. Both sum in the same order.
func TestSpecAgrees(t *testing.T) {
	base := []string{"ppl", "--json", "--isa", "generic", "--chunks", "1", "-c", "64"}
	lm, turbo, q4 := renamed(t, "lm.hcl", "lm", "own"), renamed(t, "turbo.hcl", "turbo", "whirl"), renamed(t, "q4.hcl", "q4_", "w4_")
	for _, c := range []struct{ name, k, v, ownK, ownV string }{
		{"float levels, scale by least squares", "lm5_64", "lm3_32", "own5_64", "own3_32"},
		{"padded heads", "turbo4", "turbo3", "whirl4", "whirl3"},
		{"minimum, rotated", "q4_0", "q4_1", "w4_0", "w4_1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want, got pplResult
			kvrunJSON(t, &want, append(base, "-ctk", c.k, "-ctv", c.v)...)
			kvrunJSON(t, &got, append(base, "-ctk", c.ownK, "-ctv", c.ownV, "--spec", lm, "--spec", turbo, "--spec="+q4)...)
			if got.NLL != want.NLL || got.NLL == 0 {
				t.Errorf("%v nats, with generated kernels %v", got.NLL, want.NLL)
			}
			a, b := got.Record.Plan.Layers[0], want.Record.Plan.Layers[0]
			if a.K.Identity != b.K.Identity || a.V.Identity != b.V.Identity || a.K.Spec == "" || b.K.Spec != "" {
				t.Errorf("%+v\n%+v", a, b)
			}
			if n := got.Record.Notes; len(n) != 2 || !strings.Contains(n[0], c.ownK+" is interpreted (spec file ") || len(want.Record.Notes) != 0 {
				t.Errorf("notes %q, %q", n, want.Record.Notes)
			}
		})
	}
}

// TestSpecMine runs the type of README, by itself and in a cell of a sweep, and has it explained.
func TestSpecMine(t *testing.T) {
	path := mine(t)
	var exact, got, none pplResult
	kvrunJSON(t, &exact, "ppl", "--json", "--chunks", "1")
	kvrunJSON(t, &got, "ppl", "--json", "--chunks", "1", "--spec", path, "-ctk", "Mine", "-ctv", "mine")
	if d := got.NLL - exact.NLL; d == 0 || d > 0.02 || d < -0.02 {
		t.Errorf("%v nats, %v without quantisation", got.NLL, exact.NLL)
	}
	if code, _, stderr := kvrun("", "ppl", "-ctk", "mine"); code != 2 || !strings.Contains(stderr, `no cache type "mine"`) {
		t.Errorf("the type outlives its command: exit %d, %s", code, stderr)
	}
	kvrunJSON(t, &none, "ppl", "--json", "--chunks", "1", "-c", "32", "--spec", path)
	if len(none.Record.Notes) > 0 {
		t.Errorf("nothing is interpreted: %q", none.Record.Notes)
	}
	code, out, stderr := kvrun("", "info", "--spec", path, "-ctk", "mine")
	for _, want := range []string{", a type of " + path, "note: mine is interpreted", "interpreted from " + path + ": slow"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in %s%s", code, want, out, stderr)
		}
	}
	code, out, stderr = kvrun("", "sweep", "--spec", path, "--cells", "q8_0,mine,mine/q8_0", "-c", "32", "--chunks", "8", "--emit", "kvrun")
	for _, want := range []string{"mine/q8_0", "--spec " + path + " -ctk "} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in %s%s", code, want, out, stderr)
		}
	}
}

// TestSpecMistakes gives every mistake exit code 2, and its place.
func TestSpecMistakes(t *testing.T) {
	path := mine(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string { return write(t, "mine.hcl", strings.Replace(string(text), old, new, 1)) }
	for _, c := range []struct {
		name  string
		specs []string
		says  []string
	}{
		{"layout", []string{edit("block    = 64", "block    = 65")}, []string{"mine.hcl:7:14: bits 256 to 259 at i = 64", "    7 |   code", "^^^^"}},
		{"name of the table", []string{edit(`"mine"`, `"Turbo4"`)}, []string{`mine.hcl:1:6: the type "Turbo4" is already declared at kernels/spec/turbo.hcl:`}},
		{"number of the table", []string{edit("block ", "id = 8\n  block ")}, []string{"id 8 is that of q8_0, declared at kernels/spec/q8.hcl:"}},
		{"name of another file", []string{path, edit("gaussian", "laplace")}, []string{`the type "mine" is already declared at `}},
		{"twice", []string{path, path}, []string{"given twice"}},
		{"transform", []string{write(t, "t.hcl", `transform "Hadamard64" { 
			kind = wht 
			size = 64 
		}`)}, []string{`the transform "Hadamard64" is already declared`}},
		{"rotation", []string{write(t, "r.hcl", "rotation \"off\" {\n tile = 64\n}\n")}, []string{"r.hcl:1: --rot-k off means something else"}},
		{"no file", []string{"nowhere.hcl"}, []string{"nowhere.hcl"}},
		{"folder", []string{t.TempDir()}, []string{"no *.hcl file in"}},
		{"model", []string{arches + "/llama_hd64/model.gguf"}, []string{"model.gguf"}},
	} {
		args := []string{"info"}
		for _, s := range c.specs {
			args = append(args, "--spec", s)
		}
		code, _, stderr := kvrun("", args...)
		for _, want := range c.says {
			if code != 2 || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit %d, no %q in\n%s", c.name, code, want, stderr)
			}
		}
	}
}

// TestSpecWeights writes and reads a model in a type of its own, which needs a number.
func TestSpecWeights(t *testing.T) {
	text, err := os.ReadFile(mine(t))
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "mine.hcl", strings.Replace(string(text), "block ", "id = 4711\n  block ", 1))
	out := filepath.Join(t.TempDir(), "own.gguf")
	var made synthResult
	kvrunJSON(t, &made, "synth", "--json", "--spec", path, "--type", "mine", "--out", out)
	if made.Type != "mine" {
		t.Errorf("of type %s", made.Type)
	}
	var r infoResult
	kvrunJSON(t, &r, "info", "--json", "--spec", path, out)
	if len(r.Record.Notes) != 1 || r.Record.Model.Type != "mine" {
		t.Errorf("%+v", r.Record)
	}
	if code, _, stderr := kvrun("", "info", out); code != 2 || !strings.Contains(stderr, "4711") {
		t.Errorf("without the spec: exit %d, %s", code, stderr)
	}
	nameless := write(t, "nameless.hcl", string(text))
	if code, _, stderr := kvrun("", "synth", "--spec", nameless, "--type", "mine", "--out", out+"2"); code != 2 || !strings.Contains(stderr, "mine has no id") {
		t.Errorf("a type without a number: exit %d, %s", code, stderr)
	}
}

// unseen are the files of testdata/unseen, with other names where the table has them.
func unseen(t *testing.T) (paths []string) {
	t.Helper()
	names, err := filepath.Glob("../../testdata/unseen/*.hcl")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, taken := range []string{"q4_0", "turbo3", "attn"} {
			text = regexp.MustCompile(`(type|rotation) "`+taken+`"`).ReplaceAll(text, []byte(`$1 "`+taken+`_"`))
		}
		text = regexp.MustCompile(`(?m)^ *id .*\n`).ReplaceAll(text, nil)
		paths = append(paths, write(t, filepath.Base(name), string(text)))
	}
	return paths
}

// extended makes the files part of the table for a test.
func extended(t *testing.T, paths ...string) (*environment, *spec.Set) {
	t.Helper()
	e, f := &environment{}, &specFlags{files: paths}
	if err := f.extend(e); err != nil {
		t.Fatal(err)
	}
	return e, e.live.Spec
}

// TestSpecUnseen runs a model on caches of layouts that the compiler has not seen.
func TestSpecUnseen(t *testing.T) {
	paths := unseen(t)
	e, set := extended(t, paths...)
	if len(set.Types) < 40 {
		t.Fatalf("%d types", len(set.Types))
	}
	var run []string
	for i, typ := range set.Types {
		got := e.kernels().ByName(typ.Name)
		if typ.Encode != nil && typ.KV && got.Fits(64) == nil && i%4 == 0 {
			run = append(run, typ.Name)
		}
	}
	args := []string{"ppl", "--json", "-c", "16", "--chunks", "1"}
	for _, p := range paths {
		args = append(args, "--spec", p)
	}
	for _, name := range run {
		var r pplResult
		kvrunJSON(t, &r, append(args, "-ctk", name, "-ctv", name)...)
		if !(r.NLL > 1 && r.NLL < 12) {
			t.Errorf("%s: %v nats", name, r.NLL)
		}
	}
	t.Logf("ran %d: %v", len(run), run)
}

var compilerFile = flag.String("compiler", "", "an NVRTC library: compile programs of types given as text with it")

// TestSpecPrograms puts together the programs that a GPU runs for types given as text.
func TestSpecPrograms(t *testing.T) {
	e, set := extended(t, append(unseen(t), mine(t))...)
	for _, typ := range set.Types {
		got := e.kernels().ByName(typ.Name)
		// No GPU reads rotated: see TestSpecWhole.
		if !typ.KV || got.Fits(1024) != nil || typ.Name == "rotated" {
			continue
		}
		s := rows.Side{Type: got, Rotation: e.kernels().RotationByName("attn"), Dim: 1024}
		for _, driver := range drivers.All() {
			d := e.dialect(driver)
			for _, src := range programs(t, s, d) {
				if own := src.Headers["type-"+typ.Name+d.Header]; !strings.Contains(own, "struct ") {
					t.Errorf("%s: %s has not the struct of %s: %q", driver.Name, src.Name, typ.Name, own)
				}
			}
		}
	}
}

// dialect is the device text of a driver with the types of --spec.
func (e *environment) dialect(d *gpu.Driver) *gpu.Dialect {
	return d.Dialect(func(file string) (string, bool) { return e.live.Text(d.Name, file) })
}

// TestSpecCompile compiles programs of types given as text.
func TestSpecCompile(t *testing.T) {
	if *compilerFile == "" {
		t.Skip("no program is compiled: name NVRTC with -args -compiler FILE")
	}
	text, err := os.ReadFile(mine(t))
	if err != nil {
		t.Fatal(err)
	}
	macro := strings.NewReplacer(`"mine"`, `"FAST"`, "sum(x*x)", "sum(hadamard64(x)*hadamard64(x))").Replace(string(text))
	e, _ := extended(t, append(unseen(t), mine(t), write(t, "fast.hcl", macro))...)
	c := &cuda.Compiler{Files: []string{*compilerFile}}
	for _, name := range []string{"mine", "FAST", "planar5", "stream3"} {
		all := programs(t, rows.Side{Type: e.kernels().ByName(name), Rotation: e.kernels().RotationByName("attn"), Dim: 128}, e.dialect(cuda.Driver))
		// With the type on one side more there is nothing new to compile.
		for _, src := range []*gpu.Source{all[0], all[2]} {
			for _, arch := range []int{80, 90} {
				if _, err := c.Compile(src, cuda.Target{Arch: arch}); err != nil {
					t.Errorf("sm_%d: %v", arch, err)
				}
			}
		}
	}
}

// TestSpecWhole: a type of which no value can be read alone is refused before anything is compiled
// for a GPU.
func TestSpecWhole(t *testing.T) {
	e, _ := extended(t, unseen(t)...)
	s := rows.Side{Type: e.kernels().ByName("rotated"), Dim: 128}
	d := e.dialect(drivers.All()[0])
	for _, err := range []error{
		second(rows.StoreSource(d, s, true)),
		second(attend.Shape{Key: s, Value: s}.Source(d)),
		second(gpuproduct.MatrixSource(d, s.Type)),
	} {
		if err == nil || !strings.Contains(err.Error(), "rotated: a value that is a transform or a sum over the block cannot be read on a GPU") {
			t.Errorf("a type that a GPU cannot read: %v", err)
		}
	}
}

func second(_ *gpu.Source, err error) error { return err }

// programs are those that store a side, as keys and as values, and that attend to it on both sides.
func programs(t *testing.T, s rows.Side, d *gpu.Dialect) (all []*gpu.Source) {
	t.Helper()
	for _, make := range []func() (*gpu.Source, error){
		func() (*gpu.Source, error) { return rows.StoreSource(d, s, true) },
		func() (*gpu.Source, error) { return rows.StoreSource(d, s, false) },
		func() (*gpu.Source, error) { return attend.Shape{Key: s, Value: s}.Source(d) },
		func() (*gpu.Source, error) { return attend.Shape{Key: s, Value: s, Fast: true}.Source(d) },
	} {
		src, err := make()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, src)
	}
	return all
}
