package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyModel puts a tiny model where files may be written beside it.
func copyModel(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(arches, name, "model.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, name+".gguf", string(data))
}

// TestCalibrate measures the embedded model and uses the file by name; another model refuses it.
func TestCalibrate(t *testing.T) {
	out := filepath.Join(t.TempDir(), "keys.json")
	var r calibrateResult
	kvrunJSON(t, &r, "calibrate", "--json", "-o", out)
	if r.Tokens != 512 || r.Skipped != 4 || len(r.Largest) != 6 || r.Corpus.Name != embedded || r.Corpus.SHA256 == "" {
		t.Errorf("%+v", r)
	}
	p := planOf(t, "-ctk", "lm4_64", "--k-offset", out, "--keep-first", "4", "--keep-last", "32", "-c", "1024")
	for _, l := range p.Layers {
		if l.K.Effective != "lm4_64-mean" || l.K.Offset != r.Values || l.V.Effective != "f16" || l.First != 4 || l.Last != 32 {
			t.Errorf("layer %d: %+v", l.Layer, l)
		}
	}
	// 6 layers of 2 heads of 64: keys at 4.25 bits and values at 16, 44 exact rows, an offset of
	// 128 f32.
	if want := (980*(2*34+256.) + 44*512 + 512) * 8 / (1024 * 256); p.BitsPerValue != want {
		t.Errorf("%v bits per value, want %v", p.BitsPerValue, want)
	}
	code, _, stderr := kvrun("", "info", arches+"/llama_hd64/model.gguf", "--k-offset", out)
	if code != 1 || !strings.Contains(stderr, "another model") {
		t.Errorf("for another model: exit %d, %s", code, stderr)
	}
	if err := os.WriteFile(out, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := kvrun("", "info", "--k-offset", out); code != 1 || !strings.Contains(stderr, "its kind is") {
		t.Errorf("damaged: exit %d, %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "calibrate"); code != 2 || !strings.Contains(stderr, "--out") {
		t.Errorf("no place to write: exit %d, %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "calibrate", "-f", write(t, "short", "Now is the winter"), "-o", out); code != 2 || !strings.Contains(stderr, "512 are needed") {
		t.Errorf("short text: exit %d, %s", code, stderr)
	}
}

// TestOffsetFlags asks for offsets that the embedded model, without biases and without a file
// beside it, does not have.
func TestOffsetFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--k-offset off", 0, "in effect f16 (as"},
		{"--k-offset bias", 1, "layers 0-5, K: no offset bias: its keys have no bias tensor"},
		{"--k-offset bias --allow-fallback", 0, "requested f16-bias, in effect f16 (no offset bias"},
		{"--k-offset mean", 1, "no file beside it"},
		{"--k-offset mean --allow-fallback", 0, "not honoured: --k-offset mean"},
		{"--k-offset nowhere.json", 1, "no such file; want off, bias, mean"},
		{"--keep-last -1", 2, "--keep-last -1: want 0 or more"},
		{"--keep-first 2", 0, "the first 2 and the last 0 rows stay in f16"},
	} {
		code, out, stderr := kvrun("", append([]string{"info"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+stderr, c.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s%s", c.args, code, c.code, c.says, out, stderr)
		}
	}
	model := copyModel(t, "qwen2")
	if code, _, stderr := kvrun("", "info", model, "--k-offset", "mean"); code != 1 || !strings.Contains(stderr, "qwen2.k-offset.json; kvrun calibrate") {
		t.Errorf("no file yet: exit %d, %s", code, stderr)
	}
	for _, l := range planOf(t, model, "-ctk", "q8_0", "--k-offset", "bias").Layers {
		if l.K.Effective != "q8_0-bias" {
			t.Errorf("layer %d: %s", l.Layer, l.K.Effective)
		}
	}
}

// TestPolicyExtras reads offsets and exact rows from a file, over those of the flags.
func TestPolicyExtras(t *testing.T) {
	model := copyModel(t, "qwen2")
	policy := write(t, "p.json", `{
		"k": {"type": "q8_0", "offset": "bias"}, "v": {"type": "q4_0"}, "keep_last": 16,
		"layers": {"0": {"k": {"offset": "off"}, "keep_first": 0}, "1": {"keep_last": 0}}
	}`)
	p := planOf(t, model, "--policy", policy, "--keep-first", "4")
	for i, want := range []struct {
		k           string
		first, last int
	}{{"q8_0", 0, 16}, {"q8_0-bias", 4, 0}, {"q8_0-bias", 4, 16}} {
		if i >= len(p.Layers) {
			break
		}
		if l := p.Layers[i]; l.K.Effective != want.k || l.First != want.first || l.Last != want.last || l.V.Effective != "q4_0" {
			t.Errorf("layer %d: %+v, want %+v", i, l, want)
		}
	}
	for text, says := range map[string]string{
		`{"v": {"offset": "bias"}}`:                  "values have no offset",
		`{"layers": {"1": {"keep_first": -3}}}`:      "layer 1: the first -3",
		`{"keep_first": "4"}`:                        "keep_first: want an integer in its range, not a string",
		`{"k": {"offset": "nothing-of-the-kind"}}`:   "no such file",
		`{"layers": {"0": {"k": {"offst": "off"}}}}`: "layers.0.k.offst: there is no such key",
	} {
		if code, _, stderr := kvrun("", "info", model, "--policy", write(t, "p.json", text)); code == 0 || !strings.Contains(stderr, says) {
			t.Errorf("%s: exit %d, %s; want %q", text, code, stderr, says)
		}
	}
}

// TestCacheFlagsName spells the flags as a cell.
func TestCacheFlagsName(t *testing.T) {
	f := cacheFlags{typeK: "lm4_64", typeV: "lm4_64", offset: "mean", first: 4, last: 32}
	if f.name() != "lm4_64-mean/lm4_64@4+32" && f.name() != "lm4_64-mean@4+32" || !f.asked() {
		t.Errorf("the flags ask for %s", f.name())
	}
}
