package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestFleetFlags refuses what cannot be meant before anything is opened.
func TestFleetFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"sweep", "--workers", "2"}, "go with --fleet"},
		{[]string{"sweep", "--fleet-send"}, "go with --fleet"},
		{[]string{"sweep", "--fleet", "local", "--workers", "1000"}, "want 0 to 256"},
		{[]string{"sweep", "--fleet", "local", "--fleet-listen", "here"}, "want HOST:PORT"},
		{[]string{"sweep", "--fleet", "local", "--fleet-cert", "x"}, "want both"},
		{[]string{"sweep", "--fleet", "nats://127.0.0.1:1", "--fleet-creds", "nowhere.creds", "-c", "32", "--chunks", "1", "--cells", "q8_0"}, "nowhere.creds"},
		{[]string{"sweep", "-m", "a.gguf", "b.gguf", "c.gguf"}, "-m names one model"},
		{[]string{"worker"}, "where is the server?"},
		{[]string{"worker", "--fleet", "local"}, "where is the server?"},
		{[]string{"worker", "--fleet", "nats://127.0.0.1:1", "nowhere.gguf"}, "nowhere.gguf"},
		{[]string{"worker", "--fleet", "nats://127.0.0.1:1", "--max-model", "-1"}, "--max-model -1"},
		{[]string{"worker", "--fleet", "http://127.0.0.1:x"}, "NATS server"},
		{[]string{"worker", "--fleet", "nats://127.0.0.1:1,http://127.0.0.1:4222"}, `an address of "http://"`},
		{[]string{"worker", "--fleet", "tls://127.0.0.1:1", "--fleet-ca", os.DevNull}, "--fleet-ca " + os.DevNull + ": want a file of at most"},
		{[]string{"sweep", "--fleet", "tls://127.0.0.1:1", "--fleet-cert", "nowhere.pem", "--fleet-key", "nowhere.key"}, "--fleet-cert: "},
	} {
		if code, _, stderr := kvrun("", c.args...); code != 2 || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit %d, want 2 with %q:\n%s", c.args, code, c.says, stderr)
		}
	}
}

// TestSweepSeveral measures three models, and says what two of a family have in common.
func TestSweepSeveral(t *testing.T) {
	page := t.TempDir() + "/page.html"
	args := []string{"-f", evalData + "/text.txt", "-c", "32", "--chunks", "6", "--cells", "q8_0,q4_0"}
	models := []string{arches + "/llama_hd64/model.gguf", arches + "/qwen2_hd64/model.gguf", arches + "/llama_hd128/model.gguf"}
	out := t.TempDir()
	var r, shown severalResult
	kvrunJSON(t, &r, append(append([]string{"sweep", "--json", "--out", out, "--report", page}, models...), args...)...)
	if len(r.Models) != 3 || len(r.Families) != 2 || len(r.Families[0].Models) != 2 || r.Families[0].Arch != "llama" || r.Families[1].Settings != 1 || len(r.Families[0].Picks) == 0 {
		t.Fatalf("%d models, %+v", len(r.Models), r.Families)
	}
	if p := r.Families[0].Picks[0]; p.Cost.High < r.Models[0].Advice.Picks[0].Cost.High || p.Cost.High < r.Models[2].Advice.Picks[0].Cost.High {
		t.Errorf("a family promises %+v, more than its models", p)
	}
	show := []string{"sweep", "--json"}
	for _, m := range r.Models {
		show = append(show, "--show", out+"/model-"+m.Model.Hash[:8]+".jsonl")
	}
	kvrunJSON(t, &shown, show...)
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(shown)
	if !bytes.Equal(a, b) {
		t.Errorf("the journals give\n%.1000s\nthe run gave\n%.1000s", b, a)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	html := string(data)
	for _, want := range []string{"llama: 2 models", "qwen2: 1 model", "q8_0", "kvrun sweep"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	code, text, stderr := kvrun("", append([]string{"sweep"}, show[2:]...)...)
	if code != 0 || !strings.Contains(text, "llama, 2 models:") {
		t.Errorf("exit %d: %s\n%s", code, stderr, text)
	}
}
