package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/selftest"
)

// TestSelftest runs the whole of it but the speeds, and reads the file.
func TestSelftest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	code, stdout, stderr := kvrun("", "selftest", "--no-bench", "-o", path)
	if code != 0 || !strings.Contains(stdout, "all of them are right") || !strings.Contains(stdout, "wrote "+path) {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r selftest.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, c := range r.Checks {
		tested[c.Kind+" "+c.Type] = true
	}
	for _, want := range []string{"encode q4_0", "decode q6_K", "matmul_q8 lm4_64", "mix turbo4", "transform hadamard64"} {
		if !tested[want] {
			t.Errorf("no check of %s", want)
		}
	}
	if !r.OK || r.NotRun != 0 || !strings.HasPrefix(r.Program, "kvrun ") || strings.Contains(string(text), path) {
		t.Errorf("ok %t, %d not run, by %q", r.OK, r.NotRun, r.Program)
	}
	if code, _, stderr := kvrun("", "selftest", "--no-bench", "-o", path); code != 2 || !strings.Contains(stderr, "--force") {
		t.Errorf("over an older report: exit %d: %s", code, stderr)
	}
}

// TestSelftestInterrupted ends it before its first step. The file is written and says so.
func TestSelftestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr strings.Builder
	path := filepath.Join(t.TempDir(), "report.json")
	code := run(ctx, []string{"selftest", "-o", path}, strings.NewReader(""), &stdout, &stderr)
	text, err := os.ReadFile(path)
	var r selftest.Report
	if err != nil || json.Unmarshal(text, &r) != nil {
		t.Fatalf("exit %d, %v: %s%s", code, err, stdout.String(), stderr.String())
	}
	if code != 130 || r.NotRun < 100 || len(r.Checks) != 0 {
		t.Errorf("exit %d, %d not run, %d checks: %s", code, r.NotRun, len(r.Checks), stderr.String())
	}
}

func TestSelftestRefuses(t *testing.T) {
	for _, c := range [][2]string{{"model.gguf", "takes no model"}, {"--device=moon", "--device"}, {"--isa=z80", "z80"}} {
		if code, _, stderr := kvrun("", "selftest", c[0]); code != 2 || !strings.Contains(stderr, c[1]) {
			t.Errorf("%s: exit %d: %s", c[0], code, stderr)
		}
	}
}
