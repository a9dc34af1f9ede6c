package main

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
)

// plannedCell is a cell of 8 layers with heads of dim; sides are as plans name them, by layer with a comma, the last for the rest.
func plannedCell(dim int, k, v string) *lab.CellResult {
	c := &lab.CellResult{Name: k + "/" + v}
	at := func(list string, i int) kv.SideRecord {
		all := strings.Split(list, ";")
		return kv.SideRecord{Effective: all[min(i, len(all)-1)]}
	}
	for i := range 8 {
		c.Plan.Layers = append(c.Plan.Layers, kv.LayerRecord{Layer: i, KeyDim: dim, ValueDim: dim, K: at(k, i), V: at(v, i)})
	}
	return c
}

// TestEmit holds spellings to what each engine does with them.
func TestEmit(t *testing.T) {
	for _, c := range []struct {
		engine, k, v string
		dim, group   int
		line, note   string // parts; "" for none at all
	}{
		{"llama.cpp", "q8_0", "q8_0", 64, 3, "LLAMA_ATTN_ROT_DISABLE=1 llama-server -m m.gguf -fa on -ctk q8_0 -ctv q8_0", ""},
		{"llama.cpp", "q8_0+attn", "q8_0+attn", 64, 3, "llama-server -m m.gguf -fa on -ctk q8_0 -ctv q8_0", ""},
		{"llama.cpp", "q8_0+attn", "q8_0+attn", 128, 3, "-ctk q8_0", "tiles of 128 there, of 64"},
		{"llama.cpp", "q8_0+attn128", "q8_0+attn", 128, 3, "-ctk q8_0", ""},
		{"llama.cpp", "q8_0+attn", "q8_0", 64, 3, "", "both quantised sides or none"},
		{"llama.cpp", "q8_0+attn", "f16", 64, 3, "llama-server", ""},
		{"llama.cpp", "q8_0", "q8_0", 80, 3, "llama-server -m m.gguf -fa on -ctk q8_0 -ctv q8_0", ""}, // heads of 80 are never rotated
		{"llama.cpp", "q8_0", "turbo4", 64, 3, "", "llama.cpp has no cache type turbo4"},
		{"llama.cpp", "q8_0;q8_0;q4_0", "q8_0", 64, 3, "", "one type for all layers"},
		{"llama.cpp", "q8_0-bias", "q8_0", 64, 3, "", "no key offset"},
		{"fork", "q8_0+attn", "turbo4", 64, 3, "LLAMA_ATTN_ROT_K_OVERRIDE=1 llama-server -m m.gguf -fa on -ctk q8_0 -ctv turbo4", ""},
		{"fork", "q8_0+attn128", "turbo4+attn", 128, 3, "LLAMA_ATTN_ROT_K_OVERRIDE=1 LLAMA_ATTN_ROT_K_NROT=128 LLAMA_ATTN_ROT_V_OVERRIDE=1 llama-server", ""},
		{"fork", "turbo4", "turbo4", 64, 7, "TURBO_AUTO_ASYMMETRIC=0 llama-server", ""},
		{"fork", "turbo4", "turbo4", 64, 3, "llama-server -m m.gguf", ""},
		{"fork", "q8_0", "turbo2", 64, 3, "TURBO_LAYER_ADAPTIVE=0 llama-server", ""},
		{"fork", "lm4_64", "q8_0", 64, 3, "", "no cache type lm4_64"},
		{"ik", "q8_0+attn", "q4_0+attn", 64, 3, "-ctk q8_0 -khad -ctv q4_0 -vhad", ""},
		{"ik", "q8_0+attn", "q4_0", 128, 3, "-khad", "whole head of 128"},
		{"ik", "q8_0;q8_0;q4_0", "q4_0;q4_0;q4_0;q4_0;q4_0;q4_0;q4_0;q5_0", 64, 3, "-ctk q4_0 -ctk-first q8_0,2 -ctv q4_0 -ctv-last q5_0,1", ""},
		{"ik", "q8_0;q4_0;q8_0;q4_0", "q4_0", 64, 3, "", "for all other layers"},
		{"ollama", "q8_0", "q8_0", 64, 3, "OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0 ollama serve", "every model of the server"},
		{"ollama", "q8_0", "q4_0", 64, 3, "", "one type for keys and values"},
		{"ollama", "q8_0+attn", "q8_0", 64, 3, "q8_0", "no switch for rotation"},
		{"kvrun", "lm4_64", "q8_0+attn128", 128, 3, "kvrun chat m.gguf -ctk lm4_64 -ctv q8_0 --rot-v attn128", ""},
		{"kvrun", "q8_0;q4_0", "q8_0", 64, 3, "", "--policy"},
		{"kvrun", "lm4_64+attn-mean", "lm4_64", 64, 3, "-ctk lm4_64 -ctv lm4_64 --rot-k attn --k-offset mean", ""},
	} {
		for i := range engines {
			e := &engines[i]
			if e.name != c.engine {
				continue
			}
			got := e.choice("safe", wishOf(plannedCell(c.dim, c.k, c.v), "m.gguf", c.group))
			line := strings.Join(got.Lines, "\n")
			if !strings.Contains(line, c.line) || (c.line == "") != (line == "") || c.note == "" && got.Note != "" || !strings.Contains(got.Note, c.note) {
				t.Errorf("%s, %s/%s, heads of %d: %q (%s)", c.engine, c.k, c.v, c.dim, line, got.Note)
			}
		}
	}
	// With nothing to turn off the line begins with the program.
	got := engines[1].choice("safe", wishOf(plannedCell(64, "turbo4", "turbo4"), "m.gguf", 3))
	if !strings.HasPrefix(got.Lines[0], "llama-server") {
		t.Errorf("%q", got.Lines)
	}
	if err := checkEmit([]string{"ik", "llama"}); err == nil || !strings.Contains(err.Error(), "llama.cpp") {
		t.Errorf("%v", err)
	}
	for s, want := range map[string]string{"a b": "'a b'", "it's": `'it'\''s'`, "m/x-1.gguf": "m/x-1.gguf", "$(x)": "'$(x)'"} {
		if got := shellQuote(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

// TestInstead looks for what an engine has where it lacks the pick, and for the sentence where it has nothing.
func TestInstead(t *testing.T) {
	cell := func(typ string, bits, kld float64) lab.CellResult {
		c := *plannedCell(64, typ, typ)
		c.Name, c.BitsPerValue, c.Chunk = typ, bits, make([]int, lab.Least)
		c.KLD = lab.Estimate{Mean: kld, Low: .9 * kld, High: 1.1 * kld}
		return c
	}
	r := &lab.Result{Tables: []lab.Table{{Chunks: lab.Least, PPL: 20, Cells: []lab.CellResult{cell("q8_0", 8.5, .0004), cell("lm6_64", 6.25, .001), cell("lm4_64", 4.25, .03)}}}}
	r.Tables[0].Cells[2].Plan.Layers[0].First = 4
	r.Traits = &lab.Traits{Group: 3}
	a := advise(r, []string{"llama.cpp", "kvrun"})
	if len(a.Engines) != 2 || len(a.Engines[0].Choices) != 3 {
		t.Fatalf("%+v", a.Engines)
	}
	safe := a.Engines[0].Choices[0]
	if len(safe.Lines) != 1 || !strings.Contains(safe.Lines[0], "-ctk q8_0") || !strings.Contains(safe.Note, "no cache type lm6_64. Instead, of what was measured: q8_0, 8.50 bits") {
		t.Errorf("%+v", safe)
	}
	if own := a.Engines[1].Choices; !strings.Contains(own[0].Lines[0], "-ctk lm6_64") || !strings.Contains(own[2].Note, "it differs between layers") {
		t.Errorf("%+v", own)
	}
	r.Tables[0].Cells = r.Tables[0].Cells[1:]
	if safe = advise(r, []string{"ollama"}).Engines[0].Choices[0]; safe.Lines != nil || !strings.Contains(safe.Note, "Nothing else") {
		t.Errorf("%+v", safe)
	}
}
