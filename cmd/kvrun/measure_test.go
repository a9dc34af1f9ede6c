package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/llamabench"
)

// demoPPL is the perplexity of the first two chunks. All 54 give 30.37, which independent code
// confirms (tools/train/README.md).
const demoPPL = 37.224

func TestPPL(t *testing.T) {
	for _, args := range []string{"-ctk f32 -ctv f32", "-t 1 -b 100", "--decode"} {
		var r pplResult
		kvrunJSON(t, &r, append([]string{"ppl", "--json", "--chunks", "2"}, strings.Fields(args)...)...)
		if math.Abs(r.PPL-demoPPL) > .01 || r.Scored != 510 || r.Chunks != 2 || len(r.Running) != 2 || r.Error < 4 || r.Error > 5 {
			t.Errorf("%s: PPL %.4f +/- %.4f of %d tokens in %d chunks, want %.3f", args, r.PPL, r.Error, r.Scored, r.Chunks, demoPPL)
		}
		if r.Record.Math != "exact" || r.Record.ISA == "" || len(r.Record.Model.Hash.text) != 64 || len(r.Record.Plan.Layers) != 6 || !r.Record.Honoured {
			t.Errorf("%s: record %+v", args, r.Record)
		}
	}
	code, out, _ := kvrun("", "ppl", "--chunks", "1", "-c", "128", "--math", "fast", "--format", "llama")
	if want := regexp.MustCompile(`^\[1\]\d+\.\d{4},\nFinal estimate: PPL = \d+\.\d{4} \+/- \d+\.\d{5}\n$`); code != 0 || !want.MatchString(out) {
		t.Errorf("exit %d, %q", code, out)
	}
}

// TestBench reads what the comparison script of the project's numbers reads, and what people look
// at.
func TestBench(t *testing.T) {
	var rows []map[string]any
	kvrunJSON(t, &rows, strings.Fields("bench -m "+arches+"/llama_hd64/model.gguf -t 2 -r 2 -o json -p 12 -n 3 -d 0,20 --cache-type-k f16,q8_0 --cache-type-v f16 -gp 10,2 -pg 4,2")...)
	if len(rows) != 2*7 {
		t.Fatalf("%d rows", len(rows))
	}
	type test struct{ p, n, d float64 }
	want := []test{{12, 0, 0}, {0, 3, 0}, {4, 2, 0}, {12, 0, 20}, {0, 3, 20}, {4, 2, 20}, {0, 2, 10}}
	for i, r := range rows {
		if got := (test{r["n_prompt"].(float64), r["n_gen"].(float64), r["n_depth"].(float64)}); got != want[i%7] {
			t.Errorf("row %d: %v, want %v", i, got, want[i%7])
		}
		if ts, _ := r["avg_ts"].(float64); !(ts > 0) || r["type_k"] != []string{"f16", "q8_0"}[i/7] || r["n_threads"] != 2. {
			t.Errorf("row %d: %v", i, r)
		}
		for _, field := range []string{"model_filename", "model_type", "model_size", "model_n_params", "type_v", "avg_ns", "stddev_ns", "stddev_ts",
			"samples_ns", "samples_ts", "n_batch", "n_ubatch", "test_time", "cpu_info", "flash_attn", "record"} {
			if _, ok := r[field]; !ok {
				t.Errorf("row %d has no %s", i, field)
			}
		}
		if math := r["record"].(map[string]any)["math"]; math != "fast" {
			t.Errorf("row %d: math %v", i, math)
		}
	}
	for format, lines := range map[string]int{"md": 6, "csv": 3, "jsonl": 2} {
		if code, out, _ := kvrun("", "bench", "-p", "3", "-n", "2", "-r", "1", "-o", format); code != 0 || strings.Count(out, "\n") != lines {
			t.Errorf("%s: exit %d\n%s", format, code, out)
		}
	}
}

// TestSynth writes a model, describes it and measures it.
func TestSynth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.gguf")
	var s synthResult
	kvrunJSON(t, &s, strings.Fields("synth --json --arch qwen2 --layers 2 --embd 128 --heads 4 --kv-heads 2 --head-dim 64 --type Q4_1 --output-type f16 -c 128 --out "+path)...)
	var i infoResult
	kvrunJSON(t, &i, "info", "--json", "-ctk", "lm4_64", path)
	if i.Layers != 2 || i.Width != 128 || i.Vocab != 2048 || i.Trained != 128 || i.Record.Model.Parameters != s.Parameters || i.Record.Model.Size != s.Size {
		t.Errorf("wrote %+v, found %+v", s, i)
	}
	if len(i.ISAs) == 0 || len(i.Kernels) != 4 || i.Record.Plan.Layers[1].K.BytesPerToken != 68 {
		t.Errorf("%+v", i)
	}
	var rows []llamabench.Row
	kvrunJSON(t, &rows, "bench", path, "-p", "8", "-n", "0", "-r", "1", "--json")
	if len(rows) != 1 || rows[0].AvgTS <= 0 || !strings.HasPrefix(rows[0].Type, "qwen2 ") {
		t.Errorf("%+v", rows)
	}
	for want, args := range map[string]string{
		"exists":              "--out " + path,
		"mxfp4 is read-only":  "--type mxfp4 --out " + path + "2",
		"no weight type":      "--type turbo4 --out " + path + "2",
		"whole blocks of 32":  "--embd 72 --head-dim 72 --out " + path + "2",
		`architecture "gpt9"`: "--arch gpt9 --out " + path + "2",
	} {
		if code, _, stderr := kvrun("", append([]string{"synth"}, strings.Fields(args)...)...); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s", want, code, stderr)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestInfo(t *testing.T) {
	code, out, _ := kvrun("", "info", "--math", "exact")
	for _, want := range []string{"(embedded): llama", "6 layers of width 256", "K: requested f16, in effect f16 (as requested)", "instruction sets:", "generic",
		"q8_0", "f32: exact was asked for", "3072 bytes per token, 16.000 bits per value"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
	var r infoResult
	kvrunJSON(t, &r, "info", "--device", "cuda:200", "--allow-fallback", "--json")
	if r.Record.Honoured || len(r.Record.Unmet) != 1 || len(r.Record.Notes) != 0 {
		t.Errorf("a request that was let go is not in the record: %+v", r.Record)
	}
	kvrunJSON(t, &r, "info", arches+"/gemma3/model.gguf", "-c", "100", "--json")
	if r.CacheBytes == 0 || r.Record.Size != 100 || r.Record.Plan.Layers[0].Window == 0 || r.Metadata["block_count"] != 7. {
		text, _ := json.Marshal(r)
		t.Errorf("%s", text)
	}
	for model, want := range map[string]string{"gemma4_e2b": "layer 3: reads the cache of layer 1\n", "qwen35": "layer 0: recurrent, 0.26 MiB of state\n"} {
		if code, out, _ := kvrun("", "info", arches+"/"+model+"/model.gguf"); code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
}
