package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kldTiny is a comparison of a second with a text and a base file that llama-perplexity made
// (runtime/eval/testdata).
var kldTiny = []string{"kld", arches + "/llama_hd64/model.gguf", "-t", "2"}

const evalData = "../../runtime/eval/testdata"

func TestKLD(t *testing.T) {
	var r kldResult
	kvrunJSON(t, &r, "kld", "--json", "--chunks", "2", "-ctk", "q8_0", "-ctv", "q4_0")
	if r.Scored != 510 || len(r.Chunks) != 2 || *r.KLD.Mean < 5e-4 || *r.KLD.Mean > 2e-3 || *r.SameTop.Mean < .9 || r.Path != "prefill" ||
		r.Record.Math != "exact" || r.Reference != "a cache of f16" || r.Corpus.Tokens == 0 || len(r.KLDs) != 13 || r.KLDs[6].Value >= r.KLDs[10].Value {
		t.Errorf("%+v", r)
	}
	if d := *r.RefPPL.Mean - demoPPL; d > .01 || d < -.01 {
		t.Errorf("the reference's PPL is %v, kvrun ppl says %v", *r.RefPPL.Mean, demoPPL)
	}
	// A candidate equal to the reference scores exactly 0.
	kvrunJSON(t, &r, "kld", "--json", "--chunks", "2", "-c", "64", "--decode", "--math", "fast")
	if *r.KLD.Mean != 0 || r.KLDs[12].Value != 0 || r.KLDs[0].Value != 0 || *r.SameTop.Mean != 1 || r.Correlation == nil || r.Path != "decode" {
		t.Errorf("f16 against f16: %+v", r)
	}
	code, out, _ := kvrun("", append(kldTiny, "-f", evalData+"/text.txt", "-c", "32", "--ref", "f32", "-ctk", "q4_0")...)
	for _, want := range []string{"against a cache of f32: 330 tokens in 22 chunks of 32 by prefill", "exact math", "KLD ", "same top", "reference"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
}

// TestKLDDiagnose checks a cache without faults; runtime/lab plants some.
func TestKLDDiagnose(t *testing.T) {
	args := append(kldTiny[:len(kldTiny):len(kldTiny)], "--diagnose", "-f", evalData+"/text.txt", "-c", "32")
	code, out, stderr := kvrun("", append(args, "-ctk", "q8_0", "-ctv", "turbo3")...)
	if code != 0 || strings.Count(out, " ok") != 4 || !strings.Contains(out, "layer  side    type") {
		t.Errorf("exit %d: %s\n%s", code, stderr, out)
	}
	var d diagnosis
	kvrunJSON(t, &d, append(args, "-ctk", "q4_0", "--json")...)
	if len(d.Findings) != 2 || d.Faults != 0 || d.Findings[1].Layer != 1 || d.Findings[1].Side != "K" {
		t.Errorf("%+v", d)
	}
	for says, more := range map[string][]string{"nothing to check": nil, "wants --math exact": {"--math", "fast"}, "not together": {"--format", "llama"}} {
		if _, out, stderr := kvrun("", append(args, more...)...); !strings.Contains(out+stderr, says) {
			t.Errorf("want %q: %s%s", says, out, stderr)
		}
	}
}

// TestKLDBase writes a base file and reads it, and one of the peer's.
func TestKLDBase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base")
	text := []string{"-f", evalData + "/text.txt", "-c", "32"}
	if code, _, stderr := kvrun("", append(append(kldTiny, "--kl-divergence-base", path), text...)...); code != 0 {
		t.Fatal(stderr)
	}
	var live, read kldResult
	kvrunJSON(t, &live, append(append(kldTiny, "--json", "-ctk", "q4_0"), text...)...)
	kvrunJSON(t, &read, append(kldTiny, "--json", "-ctk", "q4_0", "--kl-divergence", "--kl-divergence-base", path)...)
	if a, b := *live.KLD.Mean, *read.KLD.Mean; a < b*.99 || a > b*1.01 || read.Scored != 330 || read.Reference != path {
		t.Errorf("KLD %v, by the base file %v", a, b)
	}
	code, out, _ := kvrun("", append(kldTiny, "--math", "fast", "--format", "llama", "-ctk", "q8_0", "-ctv", "q8_0", "--kl-divergence", "--kl-divergence-base", evalData+"/base.bin")...)
	want, err := os.ReadFile(evalData + "/q8_0.txt")
	if err != nil {
		t.Fatal(err)
	}
	blank := strings.NewReplacer("0", "#", "1", "#", "2", "#", "3", "#", "4", "#", "5", "#", "6", "#", "7", "#", "8", "#", "9", "#", "-", " ")
	if a, b := blank.Replace(out), blank.Replace(string(want)); code != 0 || a != b {
		t.Errorf("exit %d; the text has another form than the peer's:\n%s\nwant\n%s", code, out, want)
	}

	// What cannot be read is refused, and what cannot be written leaves what was there.
	whole, _ := os.ReadFile(path)
	cut := write(t, "cut", string(whole[:len(whole)-100]))
	other := write(t, "other.txt", strings.Repeat("Another text. ", 40))
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"cut", []string{"--kl-divergence", "--kl-divergence-base", cut}, "a damaged seal"},
		{"no base file", []string{"--kl-divergence", "--kl-divergence-base", evalData + "/text.txt"}, "no base file"},
		{"none named", []string{"--kl-divergence"}, "--kl-divergence-base names"},
		{"another context", []string{"--kl-divergence", "--kl-divergence-base", path, "-c", "64"}, "chunks of 32 tokens, not 64"},
		{"another text", []string{"--kl-divergence", "--kl-divergence-base", path, "-f", other}, "another text"},
		{"another model", []string{"-m", arches + "/llama_hd80/model.gguf", "--kl-divergence", "--kl-divergence-base", path}, "another model"},
		{"another vocabulary", []string{"-m", "", "--kl-divergence", "--kl-divergence-base", path}, "another model: its vocabulary has 296"},
		{"a reference beside it", []string{"--ref", "f32", "--kl-divergence", "--kl-divergence-base", path}, "--ref"},
		{"to a folder that is none", []string{"-f", other, "-c", "16", "--kl-divergence-base", path + "/x"}, path},
		{"text too short", []string{"-f", other, "--kl-divergence-base", path}, "at least 1024"},
		{"reference", []string{"--ref", "q8_0"}, "want f16 or f32"},
		{"format", []string{"--format", "xml"}, "want text, llama or json"},
		{"beyond the model", []string{"-c", "4096"}, "trained for 2048"},
	} {
		args := kldTiny
		if c.args[0] == "-m" {
			args, c.args = []string{"kld", "--model=" + c.args[1]}, c.args[2:]
			if args[1] == "--model=" {
				args = args[:1] // the embedded model
			}
		}
		code, _, stderr := kvrun("", append(args[:len(args):len(args)], c.args...)...)
		if code == 0 || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%s: exit %d, want %q:\n%s", c.name, code, c.says, stderr)
		}
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, whole) {
		t.Error("a failed command changed the base file")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
