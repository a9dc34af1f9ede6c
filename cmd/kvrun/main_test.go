package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// arches is the folder of conformance cases; its README says where they come from.
const arches = "../../testdata/arch"

// kvrun executes a command line.
func kvrun(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// kvrunJSON executes a command line that must succeed, and reads what it prints.
func kvrunJSON(t *testing.T, to any, args ...string) {
	t.Helper()
	code, out, stderr := kvrun("", args...)
	if code != 0 {
		t.Fatalf("%q: exit %d: %s", args, code, stderr)
	}
	if err := json.Unmarshal([]byte(out), to); err != nil {
		t.Fatalf("%q: %v in %.200s", args, err, out)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExit gives every kind of mistake its exit code and a sentence that helps.
func TestExit(t *testing.T) {
	tiny, hd80 := arches+"/llama_hd64/model.gguf", arches+"/llama_hd80/model.gguf"
	empty, broken := write(t, "empty", ""), write(t, "bad.txt", "ab\xff")
	bench := []string{"bench", "-p", "4", "-n", "0", "-r", "1", "-m"}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"help"}, 0, ""},
		{"help of a command", []string{"bench", "--help"}, 0, ""},
		{"command", []string{"bensch"}, 2, "did you mean bench"},
		{"flag", []string{"run", "--cache-typ-k", "q8_0"}, 2, "did you mean --cache-type-k"},
		{"flag of llama.cpp that is none here", []string{"run", "--docker-repo", "a/b"}, 1, "models come from Hugging Face"},
		{"no shorthand with a value", []string{"run", "-ctkv", "q8_0"}, 2, "-ctkv: no such flag"},
		{"value", []string{"run", "-c", "many"}, 2, "--ctx-size"},
		{"type", []string{"info", "-ctk", "turbo"}, 2, "turbo4"},
		{"weight type for the cache", []string{"info", "-ctv", "q4_K"}, 2, "did you mean"},
		{"rotation", []string{"info", "--rot-k", "atn"}, 2, "did you mean attn"},
		{"math", []string{"info", "--math", "quick"}, 2, "exact or fast"},
		{"instruction set", []string{"info", "--isa", "mmx"}, 2, "this build has"},
		{"NVRTC for the processor", []string{"info", "--nvrtc", "none"}, 2, "--nvrtc none: kernels are compiled for --device cuda alone"},
		{"flash", []string{"info", "--flash-attn=maybe"}, 2, "want on, off or auto"},
		{"threads", []string{"info", "-t", "-3"}, 2, "--threads -3"},
		{"two models", []string{"info", tiny, hd80}, 2, "one model"},
		{"model twice", []string{"info", "-m", tiny, hd80}, 2, "given twice"},
		{"no model", []string{"info", "nowhere.gguf"}, 2, "nowhere.gguf"},
		{"no GGUF", []string{"info", "main_test.go"}, 2, "no GGUF file"},
		{"no GPU", []string{"info", "--device", "cuda:200"}, 1, "--device cuda:200: cuda: "},
		{"GPU twice", []string{"info", "--device", "cuda:0,CUDA0"}, 2, "GPU 0 is named twice"},
		{"GPU of a list", []string{"info", "--device", "cuda:0,vulkan1"}, 2, "a list of GPUs such as cuda:0,cuda:1"},
		{"share", []string{"info", "--device", "cuda:0,cuda:1", "-ts", "3,x"}, 2, "--tensor-split \"3,x\": want a number"},
		{"shares", []string{"info", "--device", "cuda:0,cuda:1", "-ts", "3,1,1"}, 2, "3 shares for 2 GPUs"},
		{"layers", []string{"info", "-ngl", "some"}, 2, "want a number of layers"},
		{"GPU accepted", []string{"info", "--device", "cuda:200", "--allow-fallback"}, 0, ""},
		{"synth to a folder", []string{"synth", "--out", t.TempDir(), "--force"}, 2, "is a folder"},
		{"window that is none", []string{"synth", "--out", "x", "--arch", "gemma3", "--window", "-3"}, 2, "window -3: want 1"},
		{"window of a llama", []string{"synth", "--out", "x", "--window", "8"}, 1, "no sliding window"},
		{"flash off", []string{"info", "-fa", "0"}, 0, ""},
		{"type does not fit", append(bench, hd80, "-ctk", "q8_0"), 1, "head"},
		{"fallback", append(bench, hd80, "-ctk", "q8_0", "--allow-fallback"), 0, ""},
		{"rotation does not fit", append(bench, hd80, "--rot-k", "attn"), 1, "attn"},
		{"rotation of floats", []string{"info", "--rot-v", "attn"}, 1, "quantised"},
		{"beyond the model", []string{"ppl", "-c", "4096"}, 1, "trained for 1024"},
		{"empty text", []string{"ppl", "-f", empty}, 2, "empty"},
		{"no text", []string{"ppl", "-f", broken}, 2, "UTF-8 at byte 2"},
		{"short text", []string{"ppl", "-f", write(t, "short", "Now is the winter of our discontent"), "-c", "1024"}, 2, "at least 2048"},
		{"ppl format", []string{"ppl", "--format", "xml"}, 2, "want text, llama or json"},
		{"no tests", []string{"bench", "-p", "0", "-n", "0"}, 2, "nothing to measure"},
		{"bench types, planned before the first runs", []string{"bench", "-r", "10000", "-ctk", "f16,q8"}, 2, `no cache type "q8"`},
		{"bench list", []string{"bench", "-p", "4,x"}, 2, "--n-prompt"},
		{"no prompt", []string{"run", tiny, "-f", empty, "-p", "x"}, 2, "both given"},
		{"no tokens", []string{"logits", "--out", "x"}, 2, "--tokens"},
		{"token too large", []string{"logits", "--tokens", write(t, "ids", "3 9999"), "--out", "x"}, 2, "token 1 is 9999"},
		{"sampling", []string{"run", "--min-p", "3"}, 2, "min-p"},
		{"no sequences", []string{"run", "-np", "0"}, 2, "--parallel 0: want 1 to 64"},
		{"too many sequences", []string{"bench", "-npl", "1,65"}, 2, "--n-parallel 65: want 1 to 64"},
		{"read-only without a file", []string{"run", "--prompt-cache-ro"}, 2, "--prompt-cache, which is not given"},
		{"prompt too long", []string{"run", "-c", "8", "-p", strings.Repeat("word ", 20)}, 2, "the context 8"},
	} {
		code, _, stderr := kvrun("", c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s", c.name, code, c.code, c.says, stderr)
		}
		if strings.Count(stderr, "\n") > 8 {
			t.Errorf("%s: more than one clear error:\n%s", c.name, stderr)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a failed command wrote a file")
	}
}

// TestInterrupt ends commands by Ctrl-C: before they start and on their first output.
func TestInterrupt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.f32")
	ids := write(t, "ids", strings.Repeat("3 ", 900))
	for _, args := range [][]string{
		{"run", "-p", "I am", "-n", "100000", "-c", "64", "--ignore-eos"},
		{"run", "-p", "I am", "-n", "100000", "-c", "64", "--ignore-eos", "--json", "-np", "2"},
		{"ppl", "--format", "llama"},
		{"bench", "-r", "10000"},
		{"logits", "--tokens", ids, "--out", out},
		{"logits", "--decode", "--tokens", ids, "--out", out},
		nil,
	} {
		for _, early := range []bool{true, false} {
			ctx, stop := context.WithCancel(context.Background())
			stopper := writerFunc(func(p []byte) (int, error) { stop(); return len(p), nil })
			if early || len(args) > 0 && (args[0] == "bench" || args[0] == "logits" || slices.Contains(args, "--json")) {
				stop() // these print nothing before they are done
			}
			var stderr bytes.Buffer
			if code := run(ctx, args, strings.NewReader(""), stopper, &stderr); code != 130 || !strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("%q, early %v: exit %d, want 130: %s", args, early, code, stderr.String())
			}
			stop()
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPartly ends commands while they measure: what is finished is printed, and marked in JSON.
func TestPartly(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{
		{"ppl -c 128 --json", `"interrupted": true`},
		{"ppl -c 128", "PPL "},
		{"kld -c 128 -ctk q4_0 --json", `"interrupted": true`},
		{"kld -c 128 -ctk q4_0", "same top"},
		{"bench -p 16 -n 0 -r 200 -d 0,32,64,128,256,512,1024,1500", "pp16"},
		{"floor -c 128 --chunks 8 --json", `"interrupted": true`},
		{"probe -n 200 --json", `"interrupted": true`},
		{"sweep -c 128 --cells q4_0 --json", `"interrupted": true`},
		{"tune -c 128 --chunks 60 --budget 5bpv --out x.json --json", `"interrupted": true`},
	} {
		t.Chdir(t.TempDir())
		code, stdout, stderr := 0, "", ""
		for wait := 100 * time.Millisecond; wait < time.Minute && !strings.Contains(stdout, c.says); wait = wait * 3 / 2 {
			var out, err bytes.Buffer
			ctx, stop := context.WithTimeout(context.Background(), wait)
			done, cancel := context.WithCancel(context.Background())
			context.AfterFunc(ctx, cancel)
			code = run(done, strings.Fields(c.args), strings.NewReader(""), &out, &err)
			stop()
			stdout, stderr = out.String(), err.String()
		}
		if code != 130 || !strings.Contains(stdout, c.says) || !strings.Contains(stderr, "interrupted") {
			t.Errorf("%s: exit %d, %s, %s", c.args, code, stdout, stderr)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestShow(t *testing.T) {
	var out bytes.Buffer
	e := &environment{ctx: context.Background(), stdin: strings.NewReader(""), stdout: &out, stderr: io.Discard, lookup: os.LookupEnv}
	if err := showCommand(e, showSize{tokens: 8, chunks: 1, context: 32}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"KING RICHARD", "in effect f16", "bytes per token", "mean KLD", "\n      q8_0 ", "padded from 64 to 128"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
