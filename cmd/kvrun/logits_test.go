package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func floats(t *testing.T, path string) []float64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float64, len(raw)/4)
	for i := range x {
		x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return x
}

// TestLogits compares files with the published logits, within the tolerances of the cases' README.
// Caches of f32 and f16 are held to exact arithmetic, by prefill and token by token. Quantised
// caches are held to the same cache, in units of the error that a cache without quantisation would
// have.
func TestLogits(t *testing.T) {
	for _, c := range []struct {
		name, config, args string
		most               float64 // largest difference; with a config the relative RMS
	}{
		{"llama_hd64", "", "-ctk f32 -ctv f32", 2e-4},
		{"llama_hd64", "", "-ctk f32 -ctv f32 --decode -t 1", 2e-4},
		{"qwen2", "", "-ctk f32 -ctv f32", 2e-4},
		{"gemma3", "", "-ctk f32 -ctv f32", 2e-2},
		{"llama_hd64", "", "", 4e-2},
		{"w_q8_0", "", "--math fast", .5},
		{"llama_hd128", "turbo4", "-ctk turbo4 -ctv turbo4", .1},
		{"qwen2_hd64", "turbo3", "-ctk TURBO3 -ctv turbo3 --decode", .1},
		{"llama_hd64", "q4_0_rot", "-ctk q4_0 -ctv q4_0 --rot-k attn --rot-v on --math fast", .1},
	} {
		dir := arches + "/" + c.name
		out, file := filepath.Join(t.TempDir(), "out.f32"), "logits.f32"
		rows := 32
		if c.config != "" {
			rows, file = 8, "logits."+c.config+".f32"
		}
		var r logitsResult
		kvrunJSON(t, &r, append([]string{"logits", "-m", dir + "/model.gguf", "--tokens", dir + "/tokens.txt", "--out", out, "--json",
			"--last", fmt.Sprint(rows)}, strings.Fields(c.args)...)...)
		got, want := floats(t, out), floats(t, dir+"/"+file)
		if len(got) != len(want) || r.Rows != rows || r.Vocab*rows != len(got) || r.First != 96-rows {
			t.Fatalf("%s: %d logits, want %d; %+v", c.name, len(got), len(want), r)
		}
		most, square := 0., 0.
		for i := range got {
			d := math.Abs(got[i] - want[i])
			most, square = max(most, d), square+d*d
		}
		if c.config != "" {
			most = math.Sqrt(square/float64(len(got))) / unquantised(t, dir, c.config)
		}
		if !(most <= c.most) {
			t.Errorf("%s %s: off by %.3g, allowed %.3g", c.name, c.args, most, c.most)
		}
	}
}

// unquantised is the error that an unquantised cache has against the logits of a config.
func unquantised(t *testing.T, dir, config string) float64 {
	t.Helper()
	var c struct {
		Configs map[string]struct {
			VsExact struct {
				RMS float64 `json:"rms_stored_rows"`
			} `json:"vs_exact"`
		}
	}
	raw, err := os.ReadFile(dir + "/case.json")
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Configs[config].VsExact.RMS == 0 {
		t.Fatalf("%s, %s: %v", dir, config, err)
	}
	return c.Configs[config].VsExact.RMS
}

// readOnly is a folder that nobody may write to. Permissions do not stop root, so that it gets one
// of the kernel's.
func readOnly(t *testing.T) string {
	if runtime.GOOS == "linux" {
		return "/sys"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadOnly(t *testing.T) {
	out := filepath.Join(readOnly(t), "out")
	for _, args := range [][]string{{"logits", "--tokens", write(t, "ids", "1 2 3"), "--out", out}, {"synth", "--out", out}, {"sweep", "--out", out, "--cells", "q8_0", "--chunks", "1"}} {
		if code, _, stderr := kvrun("", args...); code != 2 || !strings.Contains(stderr, "read-only") || !strings.Contains(stderr, out) {
			t.Errorf("%s: exit %d, %s", args[0], code, stderr)
		}
	}
}

// TestDiskFull writes to a device that is always full, where there is one.
func TestDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("not tested: this system has no /dev/full")
	}
	code, _, stderr := kvrun("", "logits", "--tokens", write(t, "ids", "1 2 3"), "--out", "/dev/full")
	if code != 2 || !strings.Contains(stderr, "the disk is full") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if f, err := os.Stat("/dev/full"); err != nil || f.Mode().IsRegular() {
		t.Errorf("the device was replaced: %v", err)
	}
}
