package engine

import (
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
)

// planned is a cell of 8 layers with heads of dim; sides are as plans name them, by layer with a
// comma, the last for the rest.
func planned(dim int, k, v string, group int) *Request {
	var plan kv.Record
	at := func(list string, i int) kv.SideRecord {
		all := strings.Split(list, ";")
		return kv.SideRecord{Effective: all[min(i, len(all)-1)]}
	}
	for i := range 8 {
		plan.Layers = append(plan.Layers, kv.LayerRecord{Layer: i, KeyDim: dim, ValueDim: dim, K: at(k, i), V: at(v, i)})
	}
	return NewRequest(k+"/"+v, plan, "m.gguf", group)
}

// TestSpell holds spellings to what each engine does with them.
func TestSpell(t *testing.T) {
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
		// Heads of 80 are never rotated.
		{"llama.cpp", "q8_0", "q8_0", 80, 3, "llama-server -m m.gguf -fa on -ctk q8_0 -ctv q8_0", ""},
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
		for i := range All {
			e := &All[i]
			if e.Name != c.engine {
				continue
			}
			lines, note := e.Spell(planned(c.dim, c.k, c.v, c.group))
			line := strings.Join(lines, "\n")
			if !strings.Contains(line, c.line) || (c.line == "") != (line == "") || c.note == "" && note != "" || !strings.Contains(note, c.note) {
				t.Errorf("%s, %s/%s, heads of %d: %q (%s)", c.engine, c.k, c.v, c.dim, line, note)
			}
		}
	}
	// With nothing to turn off the line begins with the program.
	lines, _ := All[1].Spell(planned(64, "turbo4", "turbo4", 3))
	if !strings.HasPrefix(lines[0], "llama-server") {
		t.Errorf("%q", lines)
	}
	if lines, note := All[0].Spell(NewRequest("none", kv.Record{}, "m.gguf", 0)); lines != nil || note != "The model has no cache." {
		t.Errorf("%q %q", lines, note)
	}
	for s, want := range map[string]string{"a b": "'a b'", "it's": `'it'\''s'`, "m/x-1.gguf": "m/x-1.gguf", "$(x)": "'$(x)'"} {
		if got := ShellQuote(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}
