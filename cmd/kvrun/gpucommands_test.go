//go:build emulate || gpu

package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/cmd/internal/llamabench"
	"github.com/kvgen/kvgen/runtime/generate"
)

// onGPU is arguments with a tiny model on a GPU and the text of kldTiny.
func onGPU(args string, arch string) []string {
	command, rest, _ := strings.Cut(args, " ")
	return append([]string{command, arches + "/" + arch + "/model.gguf", "--device", "cuda"}, strings.Fields(rest)...)
}

// TestMeasuringOnGPU measures with a GPU what other tests measure with the processor. The numbers
// are the same but for rounding.
func TestMeasuringOnGPU(t *testing.T) {
	text := " -f " + evalData + "/text.txt -c 32 --json"
	on := func(to any, args, arch string, device bool) {
		t.Helper()
		line := onGPU(args+text, arch)
		if !device {
			line = strings.Split(strings.Replace(strings.Join(line, " "), " --device cuda", " -t 2", 1), " ")
		}
		kvrunJSON(t, to, line...)
	}
	for _, arch := range []string{"llama_hd64", "qwen35", "gemma4_e2b"} {
		var here, there pplResult
		on(&there, "ppl --chunks 2", arch, true)
		on(&here, "ppl --chunks 2", arch, false)
		if math.Abs(there.PPL/here.PPL-1) > 2e-4 || !strings.HasPrefix(there.Record.ISA, "cuda sm_") {
			t.Errorf("%s: perplexity %.4f by %s, %.4f by %s", arch, there.PPL, there.Record.ISA, here.PPL, here.Record.ISA)
		}
		var a, b kldResult // sequences side by side, each with rows and states of its own
		on(&a, "kld --chunks 2 -ctk q4_0 -ctv q8_0", arch, true)
		on(&b, "kld --chunks 2 -ctk q4_0 -ctv q8_0", arch, false)
		if *a.KLD.Mean <= 0 || math.Abs(*a.KLD.Mean / *b.KLD.Mean - 1) > .1 {
			t.Errorf("%s: KLD %.4g by %s, %.4g by %s", arch, *a.KLD.Mean, a.Record.ISA, *b.KLD.Mean, b.Record.ISA)
		}
	}
	var f floorResult
	on(&f, "floor --math exact", "llama_hd64", true)
	if !f.OK || len(f.Rows) != 5 || f.Rows[0].Name != "the same again" {
		t.Errorf("floor: %+v", f.Rows)
	}
	code, _, stderr := kvrun("", onGPU("kld --diagnose -ctk q8_0"+text, "llama_hd64")...)
	if code != 1 || !strings.Contains(stderr, "--diagnose: wants --device cpu") {
		t.Errorf("--diagnose: exit %d, %s", code, stderr)
	}
}

// TestNoNVRTCOnGPU does without NVRTC. The command says that built-in kernels are used, and what
// they cannot do. The emulated device takes no PTX, and a real one lacks kernels for a model so
// narrow.
func TestNoNVRTCOnGPU(t *testing.T) {
	code, _, stderr := kvrun("", onGPU("run --nvrtc none -n 1 -p a", "llama_hd64")...)
	for _, want := range []string{"note: kernels that come with the program are used", "comes? with the program as PTX|does not come with the program", "pip install nvidia-cuda-nvrtc"} {
		if code == 0 || !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("exit %d, nothing of %s in %s", code, want, stderr)
		}
	}
}

// TestSweepOnGPU sweeps, goes on where it ended, and does not mix what a GPU and the processor
// computed.
func TestSweepOnGPU(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	args := onGPU("sweep -f "+evalData+"/text.txt -c 32 --chunks 1 --cells q8_0/turbo4,q4_0/q4_0@4+8 --path decode --out "+path, "llama_hd64")
	for range 2 {
		if code, out, stderr := kvrun("", args...); code != 0 || !strings.Contains(out, "q4_0/q4_0@4+8") || !strings.Contains(out, "cuda sm_") {
			t.Fatalf("exit %d: %s%s", code, out, stderr)
		}
	}
	args[3] = "cpu"
	if code, _, stderr := kvrun("", args...); code != 2 || !strings.Contains(stderr, "another instruction set or device: cuda sm_") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestParallelOnGPU continues a prompt several times at once, measures several sequences, and
// counts their memory.
func TestParallelOnGPU(t *testing.T) {
	for _, cache := range []string{"", " -ctk q8_0 -ctv lm4_64 --keep-first 2 --keep-last 6"} {
		var here, there runResult
		args := "run -p KING -n 14 --json --math exact --ignore-eos -np 3 --temp 0" + cache
		kvrunJSON(t, &here, strings.Fields(args+" --device cuda")...)
		kvrunJSON(t, &there, strings.Fields(args)...)
		if len(here.Parallel) != 3 {
			t.Fatalf("%d continuations", len(here.Parallel))
		}
		for i, c := range here.Parallel {
			if c.Text != there.Text || c.Stop != generate.StopLimit {
				t.Errorf("%d of 3 by a GPU: %q, %s, by the processor %q", i+1, c.Text, c.Stop, there.Text)
			}
		}
	}
	var rows []llamabench.Row
	kvrunJSON(t, &rows, strings.Fields("bench -m "+arches+"/qwen35/model.gguf -p 0 -n 2 -d 0,20 -npl 1,3 -r 1 -o json -pps --device cuda")...)
	if len(rows) != 4 || rows[3].Parallel != 3 || !rows[3].Shared || rows[3].AvgTS <= 0 {
		t.Errorf("bench: %+v", rows)
	}
	var one, three infoResult
	kvrunJSON(t, &one, strings.Fields("info --json -c 256 -b 64 --device cuda")...)
	kvrunJSON(t, &three, strings.Fields("info --json -c 256 -b 64 -np 3 --device cuda")...)
	if a, b := one.Budget, three.Budget; b.Parallel != 3 || b.Cache < 3*a.Cache-(1<<15) || b.Cache > 4*a.Cache || b.Weights != a.Weights {
		t.Errorf("one sequence takes %+v, three %+v", one.Budget, three.Budget)
	}
	code, out, stderr := kvrun("", strings.Fields("bench -p 0 -n 1 -d 1000000 -npl 64 --device cuda")...)
	if code == 0 || !strings.Contains(stderr, "for 64 sequences, and") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
}

// TestTextOnGPU continues a text beyond the context, talks, and measures speed.
func TestTextOnGPU(t *testing.T) {
	for _, c := range []struct{ stdin, args, want string }{
		{"", "run -p The -n 20 -c 12 --math exact --temp 0 --device cuda", ""},
		{"hi\n", "chat -n 3 --temp 0 --device cuda", ""},
		{"", "info --device cuda -ctk q8_0", "the longest context that fits"},
		{"", "bench -p 9 -n 2 -r 1 --device cuda -o jsonl", "cuda sm_"},
		{"", "probe -n 2 -c 128 --device cuda --math exact", "completions"},
	} {
		code, out, stderr := kvrun(c.stdin, strings.Fields(c.args)...)
		if code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d, %s%s", c.args, code, out, stderr)
		}
		if !strings.HasPrefix(c.args, "run") {
			continue
		}
		if _, here, _ := kvrun("", strings.Fields(strings.Replace(c.args, "cuda", "cpu", 1))...); here != out {
			t.Errorf("a GPU writes %q, the processor %q", out, here)
		}
	}
	var rows []llamabench.Row
	if code, out, stderr := kvrun("", strings.Fields("bench -p 9 -n 0 -r 1 --device cuda -o json")...); code != 0 || json.Unmarshal([]byte(out), &rows) != nil || len(rows) != 1 ||
		rows[0].Backends != "CUDA" || rows[0].GPU == "" {
		t.Errorf("bench: exit %d: %s%s", code, out, stderr)
	}
}
