package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var mutants = flag.Int("mutants", 400, "how many damaged files TestMutants reads")

// keptFile is a file that a command reads which another one wrote.
type keptFile struct {
	name, path string
	read       []string // command line
	json       bool     // of which a part is compared: text, tokens and plan
	said       []string // notes by which a file that is short is told from one that is whole
	data       []byte
	want       string
}

// keptFiles writes one of each.
func keptFiles(t *testing.T) []*keptFile {
	dir := t.TempDir()
	text := "Now is the winter of our discontent made glorious summer by this sun of York; and all the clouds that lour'd upon our house in the deep bosom of the ocean buried."
	corpus := write(t, "text", strings.Repeat(text+"\n", 30))
	m := filepath.Join(dir, "m.gguf")
	model, err := os.ReadFile(filepath.Join(arches, "qwen2_hd64", "model.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m, model, 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(args ...string) {
		t.Helper()
		if code, _, stderr := kvrun("", args...); code != 0 {
			t.Fatalf("%q: %s", args, stderr)
		}
	}
	generate := []string{"run", m, "-p", text, "-n", "8", "--temp", "0", "--math", "exact", "-t", "1", "--json", "--ignore-eos"}
	do(append(slices.Clone(generate), "-ctk", "q8_0", "--keep-last", "9", "--prompt-cache", at("pc"))...)
	do("kld", m, "-f", corpus, "-c", "16", "--chunks", "3", "-t", "1", "--kl-divergence-base", at("base"))
	do("sweep", m, "-f", corpus, "-c", "16", "--chunks", "4", "-t", "1", "--cells", "q8_0,q4_0/f16@1+3", "--out", at("journal"))
	do("calibrate", m, "-f", corpus, "-o", at("offset"))
	do("tune", m, "-f", corpus, "--budget", "9bpv", "--chunks", "4", "--ends", "0+0,1+1", "-c", "32", "-t", "1", "--types-k", "q8_0,q4_0", "--types-v", "q8_0,q4_0", "-o", at("policy"))
	files := []*keptFile{
		{name: "prompt cache", path: at("pc"), json: true, read: append(slices.Clone(generate), "-ctk", "q8_0", "--keep-last", "9", "--prompt-cache-ro", "--prompt-cache", at("pc"))},
		{name: "base file", path: at("base"), said: []string{"the base file names no model"},
			read: []string{"kld", m, "-t", "1", "-ctk", "q4_0", "--kl-divergence", "--kl-divergence-base", at("base")}},
		{name: "journal", path: at("journal"), said: []string{"the last line, number", "has not finished"}, read: []string{"sweep", "--show", at("journal")}},
		{name: "key offset", path: at("offset"), json: true, read: append(slices.Clone(generate), "-ctk", "q4_0", "--k-offset", at("offset"))},
		{name: "policy", path: at("policy"), json: true, read: append(slices.Clone(generate), "--policy", at("policy"))},
	}
	for _, f := range files {
		if f.data, err = os.ReadFile(f.path); err != nil {
			t.Fatal(err)
		}
		code, got, stderr := f.run(t)
		if code != 0 || got == "" || f.isSaid(stderr) {
			t.Fatalf("%s: %s", f.name, stderr)
		}
		f.want = got
	}
	return files
}

// run reads the file as it is, and returns what must not change.
func (f *keptFile) run(t *testing.T) (code int, got, stderr string) {
	code, got, stderr = kvrun("", f.read...)
	if code != 0 || !f.json {
		return code, got, stderr
	}
	var r runResult
	if err := json.Unmarshal([]byte(got), &r); err != nil {
		t.Fatal(err)
	}
	same, err := json.Marshal([]any{r.Text, r.Tokens, r.Record.Plan, r.Record.Notes, r.Record.Unmet})
	if err != nil {
		t.Fatal(err)
	}
	return code, string(same), stderr
}

func (f *keptFile) isSaid(stderr string) bool {
	return slices.ContainsFunc(f.said, func(note string) bool { return strings.Contains(stderr, note) })
}

// mutate damages a file as disks, transfers, editors and people do.
func mutate(rng *rand.Rand, data []byte) (what string, bad []byte) {
	bad = bytes.Clone(data)
	at := rng.IntN(len(bad))
	if rng.IntN(3) == 0 { // what is small and matters most is at either end
		at = min(len(bad)-1, rng.IntN(2000))
		if rng.IntN(2) == 0 {
			at = max(0, len(bad)-1-rng.IntN(2000))
		}
	}
	n := 1 + rng.IntN(min(200, len(bad)))
	cut := func(lo, hi int) []byte { return bad[min(lo, len(bad)):min(max(lo, hi), len(bad))] }
	pick := func(is func(byte) bool) int { // a byte of a kind, from at on
		for i := range bad {
			if k := (at + i) % len(bad); is(bad[k]) {
				return k
			}
		}
		return at
	}
	lines := bytes.SplitAfter(bad, []byte("\n"))
	i, k := rng.IntN(len(lines)), rng.IntN(len(lines))
	switch rng.IntN(16) {
	case 0, 1:
		bad[at] ^= 1 << rng.IntN(8)
		return "a bit", bad
	case 2:
		bad[at] = byte(rng.IntN(256))
		return "a byte", bad
	case 3:
		return "cut", bad[:at]
	case 4:
		more := make([]byte, 1+rng.IntN(9))
		for i := range more {
			more[i] = byte(rng.IntN(256))
		}
		return "put in", slices.Insert(bad, at, more...)
	case 5:
		return "left out", slices.Concat(bad[:at], cut(at+n, len(bad)))
	case 6:
		return "twice", slices.Concat(bad[:at], cut(at, at+n), bad[at:])
	case 7: // two blocks in each other's place
		m := min(n, (len(bad)-at)/2)
		return "blocks swapped", slices.Concat(bad[:at], bad[at+m:at+2*m], bad[at:at+m], bad[at+2*m:])
	case 8:
		clear(cut(at, at+n))
		return "zeros", bad
	case 9:
		if len(bad) >= at+4 {
			special := []float32{0, 1, -1, 5, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-45, math.MaxFloat32, rng.Float32()}
			binary.LittleEndian.PutUint32(bad[at:], math.Float32bits(special[rng.IntN(len(special))]))
		}
		return "a float", bad
	case 10, 11:
		bad[pick(func(c byte) bool { return c >= '0' && c <= '9' })] = '0' + byte(rng.IntN(10))
		return "a digit", bad
	case 12:
		bad[pick(func(c byte) bool { return c >= 'a' && c <= 'z' })] ^= 0x20
		return "a capital", bad
	case 13:
		at = pick(func(c byte) bool { return c == ' ' || c == ',' || c == ':' })
		return "a space", slices.Insert(bad, at, []byte(" \n\t\r")[rng.IntN(4)])
	case 14:
		lines[i], lines[k] = lines[k], lines[i]
		return "lines swapped", bytes.Join(lines, nil)
	}
	if rng.IntN(2) == 0 {
		return "a line left out", bytes.Join(slices.Delete(lines, i, i+1), nil)
	}
	return "a line twice", bytes.Join(slices.Insert(lines, k, lines[i]), nil)
}

// TestMutants damages every file that the program writes for itself, in thousands of ways where
// -mutants says so. A damaged file is refused, said to be short, or gives the figures and the text
// of the whole file.
func TestMutants(t *testing.T) {
	files := keptFiles(t)
	count := map[string]*[4]int{}
	for i := range *mutants {
		f := files[i%len(files)]
		rng := rand.New(rand.NewPCG(4000, uint64(i)))
		what, bad := mutate(rng, f.data)
		if err := os.WriteFile(f.path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if count[f.name] == nil {
			count[f.name] = new([4]int)
		}
		c := count[f.name]
		switch code, got, stderr := f.run(t); {
		case bytes.Equal(bad, f.data):
			c[3]++
		case code != 0:
			c[0]++
			if stderr == "" || len(stderr) > 4000 || strings.Contains(stderr, "goroutine") {
				t.Errorf("%s, %s, number %d: %.4000s", f.name, what, i, stderr)
			}
		case got == f.want:
			c[1]++
		case f.isSaid(stderr):
			c[2]++
		default:
			t.Errorf("%s, %s, number %d: exit 0 and\n%.3000s\nwhere the whole file gives\n%.3000s\n%s", f.name, what, i, got, f.want, stderr)
		}
	}
	for name, c := range count {
		t.Logf("%s: %d refused, %d of no effect, %d said to be short, %d the same bytes", name, c[0], c[1], c[2], c[3])
		if c[0] < *mutants/len(files)/2 {
			t.Errorf("%s: only %d were refused", name, c[0])
		}
	}
}
