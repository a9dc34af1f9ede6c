package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/llamabench"
)

// TestNumbers reads lists and ranges as llama-bench does, and bounds them.
func TestNumbers(t *testing.T) {
	for list, want := range map[string][]int{
		"1": {1}, "1,2, 3": {1, 2, 3}, "8-32+8": {8, 16, 24, 32}, "1-8*2": {1, 2, 4, 8}, "2-4": {2, 3, 4}, "1-4,16-32*2": {1, 2, 3, 4, 16, 32}, "5-5": {5}, "1-10*3": {1, 3, 9},
		"": nil, "x": nil, "-1": nil, "1-": nil, "4-2": nil, "1-4+0": nil, "0-4*2": nil, "1-4*1": nil, "1,,2": nil, "16777217": nil, "0-16777216": nil, "1-4++1": nil, "+1": nil, "1-2-3": nil,
		strings.Repeat("1,", 5000) + "1": nil,
	} {
		if got, err := numbers("-p", list); !slices.Equal(got, want) || (err != nil) != (want == nil) {
			t.Errorf("%.40q: %v, %v, want %v", list, got, err, want)
		}
	}
}

// TestBenchLists measures every combination of lists, in llama-bench's order, in every format.
func TestBenchLists(t *testing.T) {
	a, b := arches+"/llama_hd64/model.gguf", arches+"/llama_hd128/model.gguf"
	common := []string{"bench", "-r", "1", "-p", "4", "-n", "0", "-t", "1"}
	type field struct {
		Model   string `json:"model_filename"`
		Prompt  int    `json:"n_prompt"`
		Gen     int    `json:"n_gen"`
		Batch   int    `json:"n_batch"`
		Threads int    `json:"n_threads"`
		K       string `json:"type_k"`
		Depth   int    `json:"n_depth"`
	}
	for _, c := range []struct {
		args string
		want []field
	}{
		{"-m " + a + " -m " + b, []field{{a, 4, 0, 256, 1, "f16", 0}, {b, 4, 0, 256, 1, "f16", 0}}},
		{"-m " + a + "," + b, []field{{a, 4, 0, 256, 1, "f16", 0}, {b, 4, 0, 256, 1, "f16", 0}}},
		{a + " " + b, []field{{a, 4, 0, 256, 1, "f16", 0}, {b, 4, 0, 256, 1, "f16", 0}}},
		{a + " -p 4-8+4 -n 0 -n 2", []field{{a, 4, 0, 256, 1, "f16", 0}, {a, 4, 0, 256, 1, "f16", 0}, {a, 8, 0, 256, 1, "f16", 0}, {a, 0, 2, 256, 1, "f16", 0}}},
		{a + " -b 128,256 -t 2", []field{{a, 4, 0, 128, 1, "f16", 0}, {a, 4, 0, 128, 2, "f16", 0}, {a, 4, 0, 256, 1, "f16", 0}, {a, 4, 0, 256, 2, "f16", 0}}},
		{a + " -ctk f16 -ctk q8_0 -ub 64", []field{{a, 4, 0, 64, 1, "f16", 0}, {a, 4, 0, 64, 1, "q8_0", 0}}},
		{a + " -ngl 0,99 -fa 0,1", slices.Repeat([]field{{a, 4, 0, 256, 1, "f16", 0}}, 4)},
		{a + " -d 0,8", []field{{a, 4, 0, 256, 1, "f16", 0}, {a, 4, 0, 256, 1, "f16", 8}}},
	} {
		var got []field
		kvrunJSON(t, &got, append(common[:len(common):len(common)], append(strings.Fields(c.args), "-o", "json")...)...)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.args, got, c.want)
		}
	}
	args := append(common, a, b)
	_, out, _ := kvrun("", append(args, "-o", "jsonl")...)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || json.Unmarshal([]byte(lines[1]), &field{}) != nil {
		t.Errorf("jsonl: %q", out)
	}
	_, out, _ = kvrun("", append(args, "-o", "csv")...)
	if rows, err := csv.NewReader(strings.NewReader(out)).ReadAll(); err != nil || len(rows) != 3 || !slices.Contains(rows[0], "avg_ts") || !slices.Contains(rows[2], b) {
		t.Errorf("csv: %v: %q", err, out)
	}
	_, out, _ = kvrun("", append(args, "-o", "sql")...)
	if !strings.HasPrefix(out, "CREATE TABLE IF NOT EXISTS llama_bench (") || strings.Count(out, "INSERT INTO llama_bench (") != 2 {
		t.Errorf("sql: %q", out)
	}
	_, out, stderr := kvrun("", append(args, "-oe", "jsonl", "-ctv", "q8_0")...)
	var heads []string
	for i, l := range strings.Split(strings.TrimSpace(out), "\n") {
		if strings.HasPrefix(l, "|") != (i < 4) || i < 4 && (!strings.HasSuffix(l, " |") || len([]rune(l)) != len([]rune(strings.Split(out, "\n")[0]))) {
			t.Errorf("md, line %d: %q", i, l)
		}
		if i == 0 {
			heads = strings.Fields(strings.ReplaceAll(l, "|", " "))
		}
	}
	if want := strings.Fields("model size params backend threads type_k type_v test t/s"); !slices.Equal(heads, want) {
		t.Errorf("columns %q, want %q", heads, want)
	}
	if strings.Count(stderr, "\n{") != 1 || !strings.HasPrefix(stderr, "{") {
		t.Errorf("-oe jsonl: %q", stderr)
	}
	for _, c := range [][2]string{
		{a + " -p 4000 -n 0", "a context of 4000 is beyond the 2048 positions"}, {a + " -o xml", "want md, json"}, {a + " -oe xml", "want md, json"},
		{a + " -m " + b + " -b 1,x", "--batch-size"}, {a + " -p 4,,8", "empty value"}, {a + " nowhere.gguf", "nowhere.gguf"}, {a + " -b 1-4096 -ub 1-4096", "combinations"},
		{a + " -fa 0,maybe", "maybe"}, {a + " -ngl 0,some", "some"}, {a + " -ctk q8", "did you mean q8_0"},
	} {
		if _, _, stderr := kvrun("", append(common[:len(common):len(common)], strings.Fields(c[0])...)...); !strings.Contains(stderr, c[1]) {
			t.Errorf("%s: %s", c[0], stderr)
		}
	}
}

// TestBenchStreams prints a row as soon as it is measured. A command interrupted at the first of
// two rows has printed one, whole.
func TestBenchStreams(t *testing.T) {
	for _, format := range llamabench.Formats() {
		ctx, stop := context.WithCancel(context.Background())
		out := ""
		w := writerFunc(func(b []byte) (int, error) {
			if out += string(b); strings.Contains(out, "llama 161") {
				stop()
			}
			return len(b), nil
		})
		args := []string{"bench", arches + "/llama_hd64/model.gguf", "-p", "4,8", "-n", "0", "-r", "1", "-t", "1", "-o", format}
		if code := run(ctx, args, strings.NewReader(""), w, io.Discard); code == 0 || strings.Count(out, "llama 161") != 1 {
			t.Errorf("%s: exit %d: %q", format, code, out)
		}
		if format == "json" && !json.Valid([]byte(out)) {
			t.Errorf("%q", out)
		}
		stop()
	}
}
