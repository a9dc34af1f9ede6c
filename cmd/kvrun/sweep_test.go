package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
)

// sweepTiny is a sweep of a second.
var sweepTiny = []string{"sweep", arches + "/llama_hd64/model.gguf", "-t", "2", "-f", evalData + "/text.txt", "-c", "32", "--chunks", "6"}

func sweepArgs(args ...string) []string {
	return append(sweepTiny[:len(sweepTiny):len(sweepTiny)], args...)
}

func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sweep.jsonl")
	var r lab.Result
	kvrunJSON(t, &r, sweepArgs("--json", "--out", path, "--path", "prefill,decode", "--cells", "f16,q4_0:kv", "--types-k", "q8_0", "--types-v", "q4_0,turbo4", "--rot", "off,k", "--extras", "off,@2+4", "--by-layer", "q4_0")...)
	if len(r.Tables) != 2 || r.Model.Hash == "" || r.Program == "" || r.Math != "exact" || r.Reference != "f16" {
		t.Fatalf("%d tables, %+v", len(r.Tables), r.Header)
	}
	for i, x := range r.Tables {
		var names []string
		for _, c := range x.Cells {
			names = append(names, c.Name)
		}
		if got, want := strings.Join(names, " "), "f16 q4_0:kv q8_0/q4_0 q8_0/q4_0@2+4 q8_0/q4_0:k q8_0/q4_0:k@2+4 q8_0/turbo4 q8_0/turbo4@2+4 q8_0/turbo4:k q8_0/turbo4:k@2+4 layer 0 K q4_0 layer 0 V q4_0 layer 1 K q4_0 layer 1 V q4_0"; got != want {
			t.Errorf("cells %s", got)
		}
		if x.Path != []string{"prefill", "decode"}[i] || x.Chunks != 6 || x.Cells[0].Max != 0 || x.Cells[0].KLD != (lab.Estimate{}) || x.Cells[1].KLD.Mean <= 0 ||
			len(x.Comparisons) != 45 || x.Cells[13].Swap == nil || x.Cells[13].Swap.Side != "V" {
			t.Errorf("%+v", x)
		}
		if k := x.Cells[1].Plan.Layers[0].K.Effective; k != "q4_0+attn" {
			t.Errorf("q4_0:kv is %s", k)
		}
		if plain, exact := x.Cells[2], x.Cells[3]; exact.KLD.Mean >= plain.KLD.Mean || exact.BitsPerValue <= plain.BitsPerValue || exact.Plan.Layers[1].Last != 4 {
			t.Errorf("rows that stay exact: KLD %g for %g, %g bits for %g", exact.KLD.Mean, plain.KLD.Mean, exact.BitsPerValue, plain.BitsPerValue)
		}
	}
	// The journal gives the same without a model, and nothing is left to do.
	var again, shown lab.Result
	kvrunJSON(t, &shown, "sweep", "--show", path, "--json")
	before, _ := os.ReadFile(path)
	kvrunJSON(t, &again, sweepArgs("--json", "--out", path, "--path", "prefill,decode", "--cells", "f16,q4_0:kv")...)
	after, _ := os.ReadFile(path)
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(shown)
	if !bytes.Equal(a, b) || !bytes.Equal(before, after) || len(again.Tables[0].Cells) != 2 || again.Tables[0].Cells[1].KLD != r.Tables[0].Cells[1].KLD {
		t.Error("the journal does not give the result of the run")
	}
	code, out, _ := kvrun("", "sweep", "--show", path)
	for _, want := range []string{"6 chunks of 32 tokens by prefill", "by decode", "q8_0/turbo4:k", "q8_0/q4_0 rotated: k ", "By layer and side, q4_0", "~: not told apart"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
}

// TestSweepCells has the default grid: what does not fit the model is left out, and said.
func TestSweepCells(t *testing.T) {
	args := append([]string{"sweep", arches + "/llama_hd80/model.gguf"}, sweepTiny[2:]...)
	code, out, stderr := kvrun("", append(args, "--chunks", "1", "--json")...)
	var r lab.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatal(code, stderr)
	}
	var names []string
	for _, c := range r.Tables[0].Cells {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "turbo4 turbo3" || !strings.Contains(stderr, "q8_0/turbo4:kv is left out") {
		t.Errorf("cells %q\n%s", got, stderr)
	}
}

// TestCellNames spells cells as cellOf reads them.
func TestCellNames(t *testing.T) {
	for want, c := range map[string][4]string{
		"q8_0":                   {"q8_0", "q8_0", "off", "off"},
		"q8_0/q4_0:k":            {"q8_0", "q4_0", "k", "off"},
		"q4_0-mean/q4_0:kv@4+32": {"q4_0", "q4_0", "kv", "mean@4+32"},
		"lm4_64@0+64":            {"lm4_64", "lm4_64", "off", "@0+64"},
	} {
		if got := policy.CellName(c[0], c[1], c[2], c[3]); got != want {
			t.Errorf("%q is spelled %s, want %s", c, got, want)
		}
	}
	if rest, rot := policy.Unrotated("q4_0-mean/q4_0:kv@4+32"); rest != "q4_0-mean/q4_0@4+32" || rot != "kv" {
		t.Errorf("%s, %s", rest, rot)
	}
	if got := policy.Product("f16,q8_0", "q4_0", "off,kv", "off,@4+8"); len(got) != 8 || got[7] != "q8_0/q4_0:kv@4+8" {
		t.Errorf("%q", got)
	}
}

// TestSweepEnds stops a sweep, and starts some that cannot be.
func TestSweepEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sweep.jsonl")
	// The first run has more to do than it takes to stop it.
	cells := []string{"--cells", "q8_0,q4_0", "--out", path}
	ctx, stop := context.WithCancel(context.Background())
	go func() { // when the journal has a chunk
		for ctx.Err() == nil {
			if text, _ := os.ReadFile(path); bytes.Contains(text, []byte(`{"chunk":`)) {
				stop()
			}
		}
	}()
	var stderr bytes.Buffer
	if code := run(ctx, sweepArgs(append(cells, "--chunks", "22")...), strings.NewReader(""), io.Discard, &stderr); code != 130 || !strings.Contains(stderr.String(), "the same command goes on from here") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if code, _, stderr := kvrun("", sweepArgs(cells...)...); code != 0 {
		t.Fatal(stderr)
	}
	before, _ := os.ReadFile(path)
	short := write(t, "short", "Now is the winter of our discontent")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"another model", []string{"-m", arches + "/llama_hd128/model.gguf"}, 2, "another model"},
		{"another form", []string{"--math", "fast"}, 2, "another math"},
		{"another reference", []string{"--ref", "f32"}, 2, "another reference"},
		{"type", []string{"--cells", "q9_0"}, 2, `no cache type "q9_0"`},
		{"rotation", []string{"--cells", "q8_0:x"}, 2, `rotation of "x": want one of off k v kv`},
		{"rotation twice", []string{"--cells", "q8_0+attn:k"}, 2, "named twice"},
		{"a grid of one side", []string{"--types-k", "q8_0"}, 2, "want both"},
		{"rotation of floats", []string{"--cells", "f16:k"}, 1, "quantised"},
		{"path", []string{"--path", "both"}, 2, "want prefill, decode"},
		{"text", []string{"-f", short}, 2, "at least 64"},
		{"empty text", []string{"-f", write(t, "empty", "")}, 2, "empty"},
		{"no text", []string{"-f", write(t, "bad", "ab\xff")}, 2, "UTF-8 at byte 2"},
		{"context", []string{"-c", "32,x"}, 2, "--ctx-size"},
		{"beyond the model", []string{"-c", "32,65536"}, 1, "trained for 2048"},
		{"no journal", []string{"--out", short}, 2, "is a text, which is never replaced"},
		{"show nothing", []string{"--show", path + "x"}, 2, "sweep.jsonlx"},
	} {
		args := sweepArgs(append(cells, c.args...)...)
		if c.args[0] == "-m" {
			args = append(args[:1], args[2:]...)
		}
		code, _, stderr := kvrun("", args...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") > 3 {
			t.Errorf("%s: exit %d, want %d with %q:\n%s", c.name, code, c.code, c.says, stderr)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a refused sweep changed the journal")
	}
	unborn := filepath.Join(t.TempDir(), "new.jsonl")
	for _, bad := range []string{short, write(t, "empty", ""), write(t, "bad", "ab\xff")} {
		if code, _, _ := kvrun("", sweepArgs("--cells", "q8_0", "-f", bad, "--out", unborn)...); code != 2 {
			t.Errorf("%s: exit %d", bad, code)
		}
	}
	if _, err := os.Stat(unborn); err == nil {
		t.Error("a refused sweep left a journal")
	}
	if text, _ := os.ReadFile(short); !strings.HasPrefix(string(text), "Now is") {
		t.Error("a text was overwritten")
	}
}

// TestSweepOneChunk prints no interval where one chunk gives none, and counts one chunk in the
// singular.
func TestSweepOneChunk(t *testing.T) {
	code, out, stderr := kvrun("", "sweep", "--cells", "q4_0,q8_0/f16", "--by-layer", "q4_0", "-c", "32", "--chunks", "1")
	if code != 0 {
		t.Fatal(stderr)
	}
	if m := regexp.MustCompile(`\d\.\d{6}-\d|\b1 chunks`).FindString(out + stderr); m != "" || !strings.Contains(out, " - ") {
		t.Errorf("%q:\n%s%s", m, out, stderr)
	}
}
