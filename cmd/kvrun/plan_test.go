package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/policy"
)

func planOf(t *testing.T, args ...string) kv.Record {
	t.Helper()
	var r infoResult
	kvrunJSON(t, &r, append([]string{"info", "--json"}, args...)...)
	return r.Record.Plan
}

// TestPolicy stores layers as a file says, and what it leaves out as the flags say.
func TestPolicy(t *testing.T) {
	path := write(t, "policy.json", `{
		"v": {"type": "q4_0", "rotation": "attn"},
		"layers": {"0": {"k": {"type": "F16"}}, "4-5": {"v": {"type": "lm3_64", "rotation": "off"}}}
	}`)
	p := planOf(t, "--policy", path, "-ctk", "q8_0")
	want := [6][2]string{{"f16", "q4_0+attn"}, {"q8_0", "q4_0+attn"}, {"q8_0", "q4_0+attn"}, {"q8_0", "q4_0+attn"}, {"q8_0", "lm3_64"}, {"q8_0", "lm3_64"}}
	for i, l := range p.Layers {
		if l.K.Effective != want[i][0] || l.V.Effective != want[i][1] {
			t.Errorf("layer %d: %s and %s, want %v", i, l.K.Effective, l.V.Effective, want[i])
		}
	}
	if p.BytesPerToken != 256+5*136+4*72+2*52 {
		t.Errorf("%d bytes per token", p.BytesPerToken)
	}
}

func TestPolicyMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"syntax":    {"{\n\"k\": }", "line 2"},
		"end":       {"{\"k\":\n", "line 2, column 1: it ends before"},
		"empty":     {"", "there is nothing here"},
		"more":      {"{}\n{}", "line 2, column 1: something follows"},
		"garbage":   {"{}\n]", "line 2"},
		"array":     {"[]", "want an object, not an array"},
		"kind":      {`{"k": {"type": 4}}`, "k.type: want a string, not a number"},
		"endless":   {strings.Repeat(" ", policy.MaxFile) + "{}", "no policy"},
		"field":     {`{"q": {}}`, "q: there is no such key"},
		"type":      {`{"k": {"type": "q9_0"}}`, "did you mean"},
		"rotation":  {`{"layers": {"1": {"v": {"rotation": "spin"}}}}`, "layer 1, v: no rotation"},
		"layer":     {`{"layers": {"6": {}}}`, "within 0-5"},
		"span":      {`{"layers": {"3-1": {}}}`, "within 0-5"},
		"twice":     {`{"layers": {"1": {}, "0-2": {}}}`, "named twice"},
		"same key":  {`{"layers": {"0": {}, "0": {}}}`, "layers.0: the key is there twice"},
		"k twice":   {"{\"k\": {},\n \"k\": {}}", "line 2, column 2: k: the key is there twice"},
		"null":      {"null", "it is null"},
		"side":      {`{"k": null}`, "k: it is null"},
		"plus":      {`{"layers": {"+1": {}}}`, `layer "+1": want a layer`},
		"zeros":     {`{"layers": {"00": {}}}`, "layer 00: want a layer"},
		"UTF-8":     {"{\"about\": \"\xff\"}", "column 12: this is not UTF-8"},
		"case":      {`{"K": {}}`, "K: there is no such key"},
		"fraction":  {`{"keep_last": 1.5}`, "keep_last: want an integer in its range, not 1.5"},
		"sum":       {`{"sum": "00"}`, "its checksum differs"},
		"model":     {`{"model": {"arch": "llama", "keys": {}, "tokens": {}, "weights": ""}}`, "its checksum differs"},
		"old":       {`{"model": "0123", "k": {}}`, "kvrun tune makes it again"},
		"long":      {`{"k": {"type": "` + strings.Repeat("q", 900000) + `"}}`, "(900000 bytes)"},
		"span long": {`{"layers": {"` + strings.Repeat("1", 900000) + `": {}}}`, "(900000 bytes)"},
	} {
		if code, _, stderr := kvrun("", "info", "--policy", write(t, "p.json", c.text)); code != 2 || !strings.Contains(stderr, c.says) || len(stderr) > 2000 {
			t.Errorf("%s: exit %d, %.2000s; want %q", name, code, stderr, c.says)
		}
	}
}

// TestPaddingIsSaid finds what is stored beyond the model's values in the plan that is printed.
func TestPaddingIsSaid(t *testing.T) {
	for typ, padded := range map[string]bool{"turbo3": true, "lm3_64": false} {
		code, out, _ := kvrun("", "info", "-ctv", typ)
		if code != 0 || strings.Contains(out, "heads padded from 64 to 128") != padded {
			t.Errorf("%s: exit %d: %s", typ, code, out)
		}
	}
}

// TestEnvironment reads the LLAMA_ATTN_ROT_* variables, which flags override.
func TestEnvironment(t *testing.T) {
	const k, v, off, tile = "LLAMA_ATTN_ROT_K_OVERRIDE", "LLAMA_ATTN_ROT_V_OVERRIDE", "LLAMA_ATTN_ROT_DISABLE", "LLAMA_ATTN_ROT_K_NROT"
	for _, c := range []struct {
		env  map[string]string
		args string
		code int
		want string // K and V of all layers
	}{
		{map[string]string{}, "-ctk q8_0 -ctv q8_0", 0, "q8_0 q8_0"},
		{map[string]string{k: "1"}, "-ctk q8_0 -ctv q8_0", 0, "q8_0+attn q8_0"},
		{map[string]string{k: "1", v: "2"}, "-ctk q4_0 -ctv turbo4", 0, "q4_0+attn turbo4+attn"},
		{map[string]string{k: "0"}, "-ctk q8_0 -ctv q8_0", 0, "q8_0 q8_0"},
		{map[string]string{k: "1", tile: "0"}, "-ctk q8_0 -ctv q8_0", 0, "q8_0+attn q8_0"},
		{map[string]string{k: "1", v: "1", off: "1"}, "-ctk q8_0 -ctv q8_0", 0, "q8_0 q8_0"},
		{map[string]string{k: "1"}, "-ctk q8_0 -ctv q8_0 --rot-k off --rot-v on", 0, "q8_0 q8_0+attn"},
		{map[string]string{k: "1", tile: "7"}, "-ctk q8_0 -ctv q8_0", 1, "tiles of 7"},
		{map[string]string{v: "1"}, "-ctk q8_0 -ctv f16", 1, "not quantised"},
		{map[string]string{v: "1"}, "-ctk q8_0 -ctv f16 --allow-fallback", 0, "q8_0 f16"},
	} {
		t.Run(c.args, func(t *testing.T) {
			for _, name := range []string{k, v, off, tile} {
				t.Setenv(name, c.env[name])
			}
			args := append([]string{"--json"}, strings.Fields(c.args)...)
			if c.code != 0 {
				if code, _, stderr := kvrun("", append([]string{"info"}, args...)...); code != c.code || !strings.Contains(stderr, c.want) {
					t.Errorf("%v: exit %d, %s; want %q", c.env, code, stderr, c.want)
				}
				return
			}
			for i, l := range planOf(t, args...).Layers {
				if got := l.K.Effective + " " + l.V.Effective; got != c.want {
					t.Errorf("%v, layer %d: %s, want %s", c.env, i, got, c.want)
				}
			}
		})
	}
}
