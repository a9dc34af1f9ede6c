package gguf

import (
	"errors"
	"strings"
	"testing"
)

// TestForeign gives files that are none the words of somebody who has them, and keeps the place for
// those who read it.
func TestForeign(t *testing.T) {
	whole := small()
	for _, c := range []struct{ begins, want string }{
		{"lmgg\x01\x00\x00\x00", "a GGML file of before GGUF"},
		{"tjgg\x03\x00\x00\x00", "a GGJT file of before GGUF"},
		{"PK\x03\x04\x14\x00", "a zip archive, which PyTorch writes"},
		{"\x80\x02}q\x00", "a pickle, as PyTorch writes"},
		{"\x40\x01\x00\x00\x00\x00\x00\x00{\"__metadata__\":", "a safetensors one"},
		{"\x1f\x8b\x08\x00", "packed by gzip"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"},
		{"\n <!DOCTYPE HTML>\n<html>", "a web page"},
		{"<HTML lang=en>", "a web page"},
		{"Entry not found", `text, which begins "Entry not found"`},
		{"{\"error\": \"Repository not found\"}\nx", `text, which begins "{\"error\": \"Repository not found\"}"`},
		{"Bonjour \u00e0 tous\n", "text, which begins"},
		{strings.Repeat("\u00e9", ahead), "text, which begins"}, // the last character is cut
		{"\x00\x00\x00\x00\x00\x00", "begins with zeros only"},
		{"\xff\xd8\xff\xe0\x00", `it begins "\xff\xd8\xff\xe0\x00" and not "GGUF"`},
		{"G", `text, which begins "G"`},
		{"", "the file is empty"},
		{string(*file().head(3<<24, 0, 0)), "a big-endian GGUF file"},
		{string(*file().head(1, 0, 0)), "a GGUF file of version 1"},
		{string(*file().head(7, 0, 0)), "a GGUF file of version 7: versions 2 and 3 are read here"},
		{string(whole[:len(whole)-40]), "the file is cut off: 472 bytes of at least 481 bytes"},
		{string(whole[:200]), "the file ends within its header, after 200 bytes"},
		{string(whole[:20]), "the file ends within its header, after 20 bytes"},
	} {
		_, err := Parse([]byte(c.begins), testSizes)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") || e.Limit == "" {
			t.Errorf("%.20q: got %v, want %s", c.begins, err, c.want)
		}
	}
	// What is wrong in another way than by its length is not said to be cut off.
	for _, c := range malformed {
		_, err := Parse(*c.file, testSizes)
		if err != nil && strings.Contains(err.Error(), "cut") && strings.Contains(c.name, "negative") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAmount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 KB", 49999999: "50.0 MB", 999950000: "1.0 GB", 1 << 62: "4.6 EB"} {
		if got := amount(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestTypeName(t *testing.T) {
	for id, want := range map[uint32]string{139: "IQ4_K (type 139)", 133: "Q6_0 (type 133)", 777: "type 777, which has no name that is known here"} {
		if got := TypeName(id); got != want {
			t.Errorf("%d: %s, want %s", id, got, want)
		}
	}
}
