package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/lab"
	"github.com/kvgen/kvgen/runtime/policy"
)

// tuneTiny is a run of tune of seconds.
func tuneTiny(args ...string) []string {
	return append([]string{"tune", "-t", "2", "-f", evalData + "/text.txt", "-c", "32", "--chunks", "6", "--ends", "0+0,1+1"}, args...)
}

// TestTune writes a policy that keeps the budget, with the bias of the keys taken out. Every
// command takes it, and kld measures what tune said.
func TestTune(t *testing.T) {
	m := copyModel(t, "qwen2_hd64")
	var got struct {
		Budget  float64 `json:"budget_bits_per_value"`
		Best    string
		Uniform string `json:"best_uniform"`
		Policy  policy.File
		Result  lab.Result
	}
	// As bytes: 9.5 bits for each of the 256 values of a token.
	kvrunJSON(t, &got, tuneTiny(m, "--bytes", "9728", "--budget-ctx", "32", "--json", "--check", evalData+"/text.txt")...)
	if math.Abs(got.Budget-9.5) > .1 || len(got.Result.Tables) == 0 || got.Policy.K.Offset != "bias" || got.Uniform == "" {
		t.Fatalf("%g bits, best %s, uniform %s, %+v", got.Budget, got.Best, got.Uniform, got.Policy.K)
	}
	table := &got.Result.Tables[0]
	best := table.Cell(got.Best)
	if best.BitsPerValue > got.Budget || !(best.KLD.Mean > 0) || best.KLD.Mean > table.Cell(got.Uniform).KLD.Mean {
		t.Errorf("%s: %g bits, KLD %g", got.Best, best.BitsPerValue, best.KLD.Mean)
	}
	kld := []string{"sweep", m, "-f", evalData + "/text.txt", "-c", "32", "--chunks", "6", "--json", "--cells"}
	var r lab.Result
	kvrunJSON(t, &r, append(kld, policy.FilePath(m))...)
	if c := r.Tables[0].Cells[0]; c.KLD != best.KLD || c.BitsPerValue != best.BitsPerValue {
		t.Errorf("the policy file gives KLD %v at %g bits, tune measured %v at %g", c.KLD, c.BitsPerValue, best.KLD, best.BitsPerValue)
	}
	for _, args := range [][]string{{"--cache", "auto"}, {"--policy", policy.FilePath(m)}} {
		var i struct{ Record record }
		kvrunJSON(t, &i, append([]string{"info", m, "--json"}, args...)...)
		if k := i.Record.Plan.Layers[0].K; !strings.HasSuffix(k.Effective, "-bias") || (args[0] == "--cache") != strings.HasPrefix(k.Why, "auto: as measured") {
			t.Errorf("%v: %+v", args, k)
		}
	}
	// For another model it is refused, whatever its name.
	other := copyModel(t, "llama_hd64")
	data, _ := os.ReadFile(policy.FilePath(m))
	if err := os.WriteFile(policy.FilePath(other), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := kvrun("", "info", other, "--cache", "auto"); code != 2 || !strings.Contains(stderr, "made with another model") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestAutoRule has no policy file: the rule says what it is.
func TestAutoRule(t *testing.T) {
	for _, c := range []struct{ model, k, v, why string }{
		{"llama_hd64", "q8_0", "xm5_64", "the safe rule"},
		{"llama_hd128", "q8_0", "xm5_128", "q8_0 for K and xm5_128 for V, the first"},
		{"qwen2_hd64", "q8_0-bias", "xm5_64", "key offset bias"},
		{"llama_hd80", "f16", "f16", "no smaller type of the rule fits"},
	} {
		var i struct{ Record record }
		kvrunJSON(t, &i, "info", filepath.Join(arches, c.model, "model.gguf"), "--cache", "auto", "--json")
		l := i.Record.Plan.Layers[0]
		if l.K.Effective != c.k || l.V.Effective != c.v || l.First != 4 || l.Last != 32 || !strings.Contains(l.K.Why, c.why) {
			t.Errorf("%s: %+v", c.model, l)
		}
	}
}

// TestTuneRefused gives what cannot be done; nothing is written.
func TestTuneRefused(t *testing.T) {
	m := copyModel(t, "llama_hd64")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no budget", nil, 2, "--budget"},
		{"both", []string{"--budget", "4bpv", "--bytes", "5"}, 2, "one of"},
		{"bad budget", []string{"--budget", "4.5bits"}, 2, "bits per value up to 32"},
		{"too small", []string{"--budget", "1bpv"}, 2, "the least takes 2.25"},
		{"type", []string{"--budget", "4bpv", "--types-k", "lm9"}, 2, `no cache type "lm9"`},
		{"context of the budget", []string{"--budget", "4bpv", "--budget-ctx", "-1"}, 2, "--budget-ctx"},
		{"ends", []string{"--budget", "4bpv", "--ends", "4"}, 2, "want first+last"},
		{"offset", []string{"--budget", "4bpv", "--k-offset", "mean"}, 1, "kvrun calibrate"},
		{"text", []string{"--budget", "4bpv", "--check", write(t, "short", "to be")}, 2, "at least 64"},
	} {
		code, _, stderr := kvrun("", tuneTiny(append([]string{m}, c.args...)...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s", c.name, code, c.code, c.says, stderr)
		}
	}
	if _, err := os.Stat(policy.FilePath(m)); err == nil {
		t.Error("a refused run left a policy")
	}
	if code, _, stderr := kvrun("", "info", "--cache", "auto", "-ctk", "q8_0"); code != 2 || !strings.Contains(stderr, "no other flag") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := kvrun("", "tune", "--budget", "4bpv"); code != 2 || !strings.Contains(stderr, "--out") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestPolicyFile writes a policy and reads it back.
func TestPolicyFile(t *testing.T) {
	m := copyModel(t, "qwen2_hd64")
	path := write(t, "p.json", `{"k":{"type":"q4_0","rotation":"attn","offset":"bias"},"v":{"type":"q8_0"},"keep_first":3,"layers":{"1":{"k":{"type":"f16","rotation":"off","offset":"off"}}}}`)
	e := &environment{lookup: func(string) (string, bool) { return "", false }}
	flags := &modelFlags{model: m}
	flags.typeK, flags.typeV, flags.policy = "f16", "f16", path
	s, err := e.open(flags)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.cache.Policy(path)
	if err != nil {
		t.Fatal(err)
	}
	f := policy.NewFile(p, len(s.KVLayers()), "bias", "")
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.cache.Policy(write(t, "again.json", string(data)))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for i := range s.KVLayers() {
		was, is := p.Layers[i], again.Layers[i]
		if _, own := p.Layers[i]; !own {
			was = [2]kv.Choice{p.K, p.V}
		}
		if _, own := again.Layers[i]; !own {
			is = [2]kv.Choice{again.K, again.V}
		}
		if was != is || p.Ends != again.Ends {
			t.Errorf("layer %d: %v, read back as %v: %s", i, was, is, data)
		}
	}
}
