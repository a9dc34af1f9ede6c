package demo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/kvgen/kvgen/runtime/demo"
)

// metrics is what the training run recorded, in tools/train/metrics.json.
type metrics struct {
	Heldout struct {
		Bytes   int
		Model   loss `json:"model_q8_0"`
		Trigram loss `json:"trigram_kneser_ney"`
	}
	FileBytes int               `json:"file_bytes"`
	SHA256    map[string]string `json:"corpus_sha256"`
}

type loss struct {
	Token float64 `json:"ppl_token"`
	Byte  float64 `json:"ppl_byte"`
}

func readMetrics(t *testing.T) metrics {
	t.Helper()
	raw, err := os.ReadFile("../../tools/train/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var m metrics
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModelIsSmallGGUF(t *testing.T) {
	m := demo.Model()
	if len(m) < 1<<20 || len(m) > 6_000_000 {
		t.Fatalf("model has %d bytes, want 1 MiB to 6 MB", len(m))
	}
	if magic, version := string(m[:4]), binary.LittleEndian.Uint32(m[4:]); magic != "GGUF" || version != 3 {
		t.Errorf("model begins with %q version %d, want GGUF version 3", magic, version)
	}
}

func TestCorpusIsText(t *testing.T) {
	c := demo.Corpus()
	if len(c) < 60_000 || len(c) > 80_000 || !utf8.ValidString(c) {
		t.Errorf("corpus: %d bytes, valid UTF-8 %t; want 60 to 80 kB of UTF-8", len(c), utf8.ValidString(c))
	}
}

// TestCorpusIsHeldOut slides a window of 64 bytes over the training text: one shared window would
// mean that the model has seen a line of what it is measured on.
func TestCorpusIsHeldOut(t *testing.T) {
	const window = 64
	held := make(map[string]bool)
	for c, i := demo.Corpus(), 0; i+window <= len(c); i++ {
		held[c[i:i+window]] = true
	}
	files, err := filepath.Glob("../../tools/train/corpus/*.txt")
	if err != nil || len(files) != 5 {
		t.Fatalf("training files: %v, %v; want five", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+window <= len(text); i++ {
			if held[string(text[i:i+window])] {
				t.Errorf("%s, byte %d: %q is in the held-out text too", file, i, text[i:i+window])
				break
			}
		}
	}
}

// TestRecordBelongsToFiles keeps the figures and the files together: who changes one must make the
// other again.
func TestRecordBelongsToFiles(t *testing.T) {
	m := readMetrics(t)
	if got := len(demo.Model()); got != m.FileBytes {
		t.Errorf("model has %d bytes, the record says %d", got, m.FileBytes)
	}
	if got := len(demo.Corpus()); got != m.Heldout.Bytes {
		t.Errorf("corpus has %d bytes, the record says %d", got, m.Heldout.Bytes)
	}
	if len(m.SHA256) != 6 {
		t.Errorf("the record has %d checksums, want 6", len(m.SHA256))
	}
	for name, want := range m.SHA256 {
		path := filepath.Join("..", "..", "tools", "train", "corpus", name)
		if name == "heldout.txt" {
			path = name
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(text, '\r') {
			t.Errorf("%s has carriage returns", path)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: SHA-256 %x, the record says %s", path, sum, want)
		}
	}
}

func TestModelBeatsTrigram(t *testing.T) {
	h := readMetrics(t).Heldout
	if !(h.Model.Token > 1 && h.Model.Token < 0.8*h.Trigram.Token && h.Model.Byte < h.Trigram.Byte) {
		t.Errorf("held-out perplexity: model %+v, trigram %+v; want the model 20 %% lower", h.Model, h.Trigram)
	}
}
