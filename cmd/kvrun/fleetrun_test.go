//go:build nats || peers

package main

import (
	"os"
	"strings"
	"testing"
)

// mainVariable makes the test's own program kvrun, so that it can be its worker.
const mainVariable = "KVRUN_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestFleet runs two models by two workers of this machine, and prints what one process prints.
func TestFleet(t *testing.T) {
	t.Setenv(mainVariable, "1")
	args := []string{"sweep", "--json", arches + "/llama_hd64/model.gguf", arches + "/qwen2_hd64/model.gguf", "-t", "2", "-f", evalData + "/text.txt", "-c", "32", "--chunks", "6",
		"--path", "prefill,decode", "--cells", "q8_0,q4_0:kv@2+4", "--by-layer", "q4_0"}
	_, alone, _ := kvrun("", args...)
	out := t.TempDir()
	code, fleet, stderr := kvrun("", append(args, "--fleet", "local", "--workers", "2", "--out", out+"/runs")...)
	if code != 0 || fleet != alone || !strings.Contains(alone, "families") {
		t.Fatalf("exit %d: %s\na fleet prints\n%.1000s\none process\n%.1000s", code, stderr, fleet, alone)
	}
	if _, err := os.Stat(out + "/runs.fleet"); err == nil {
		t.Error("the files of the queue are left")
	}
	// all is in the journals: nobody is asked
	code, again, stderr := kvrun("", append(args, "--fleet", "local", "--workers", "0", "--out", out+"/runs")...)
	if code != 0 || again != alone {
		t.Errorf("exit %d: %s\nthe journals give\n%.1000s", code, stderr, again)
	}
}
