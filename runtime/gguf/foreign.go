package gguf

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// foreign are the beginnings of files that people take for GGUF ones, and what these are (sources:
// ggml before August 2023, PKWARE's APPNOTE, the pickle protocol, git-lfs, and the magic numbers of
// common archives).
var foreign = []struct{ begins, what string }{
	{"lmgg", "a GGML file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"fmgg", "a GGMF file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"tjgg", "a GGJT file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"algg", "a GGLA adapter of before GGUF, and no model"},
	{"ggml", "a GGML file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"ggjt", "a GGJT file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"GGML", "a GGML file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"GGJT", "a GGJT file of before GGUF, which nothing reads any more: get the model as GGUF"},
	{"FUGG", "a GGUF file with its magic the other way round: it was written by a big-endian machine for another one"},
	{"version https://git-lfs", "a Git LFS pointer, and not the file it stands for: run git lfs pull, or download the file itself"},
	{"PK\x03\x04", "a zip archive, which PyTorch writes, too: convert the model to GGUF, or unpack it"},
	{"\x80\x02", "a pickle, as PyTorch writes: convert the model to GGUF"},
	{"\x80\x03", "a pickle, as PyTorch writes: convert the model to GGUF"},
	{"\x80\x04", "a pickle, as PyTorch writes: convert the model to GGUF"},
	{"\x80\x05", "a pickle, as PyTorch writes: convert the model to GGUF"},
	{"\x89HDF\r\n", "an HDF5 file: convert the model to GGUF"},
	{"\x1f\x8b", "packed by gzip: unpack it"},
	{"BZh", "packed by bzip2: unpack it"},
	{"\xfd7zXZ\x00", "packed by xz: unpack it"},
	{"\x28\xb5\x2f\xfd", "packed by zstd: unpack it"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it"},
	{"Rar!\x1a\x07", "a RAR archive: unpack it"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"%PDF-", "a PDF document"},
	{"\x93NUMPY", "a NumPy array"},
}

// ahead is how much of a file is looked at to say what it is.
const ahead = 512

// notGGUF says what a file that does not begin as a GGUF one seems to be, from its first bytes.
func notGGUF(head []byte) string {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return "this is no GGUF file but " + f.what
		}
	}
	switch text := bytes.TrimLeft(head, "\ufeff \t\r\n"); {
	case len(bytes.Trim(head, "\x00")) == 0:
		return "this is no GGUF file: it begins with zeros only, as a download that has not been finished"
	case len(head) > 9 && head[7] == 0 && head[8] == '{':
		return "this is no GGUF file but a safetensors one: convert the model to GGUF"
	case hasFold(text, "<!doctype html") || hasFold(text, "<html"):
		return "this is no GGUF file but a web page: download the file itself, not the page that shows it"
	case len(text) > 0 && isText(text):
		return fmt.Sprintf("this is no GGUF file but text, which begins %.40q", firstLine(text))
	}
	return fmt.Sprintf("this is no GGUF file: it begins %.8q and not %q", head, magic)
}

func hasFold(text []byte, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(string(text[:len(prefix)]), prefix)
}

// isText reports whether bytes, of which the last character may be cut, are UTF-8 without control
// characters.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' || r == 0x7f:
			return false
		}
		b = b[n:]
	}
	return true
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimRight(line, "\r")
}

// amount is a number of bytes as people say it.
func amount(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	v, i := float64(n)/unit, 0
	for ; v >= 999.95 && i < len("KMGTPE")-1; i++ {
		v /= unit
	}
	return fmt.Sprintf("%.1f %cB", v, "KMGTPE"[i])
}
